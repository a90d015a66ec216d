/** What is measured costs nothing where nobody listens: what measures is not loaded. */
import { expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { root } from '../../kit/process.ts'

test.each(['functions/index.ts', 'functions/container.ts'])(
  'nothing of functions/telemetry/otlp is loaded when %s starts, but when it is first asked for',
  async (entry) => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      metafile: true,
      write: false,
    })
    const loaded = new Set<string>()
    const later = new Set<string>()
    const visit = (file: string): void => {
      if (loaded.has(file)) return
      loaded.add(file)
      for (const { path, kind, external } of metafile.inputs[file]?.imports ?? []) {
        if (external) continue
        if (kind === 'dynamic-import') later.add(path)
        else visit(path)
      }
    }
    visit(entry)
    expect(loaded.size).toBeGreaterThan(50)
    expect([...loaded].filter((file) => file.startsWith('functions/telemetry/otlp/'))).toEqual([])
    expect([...later].filter((file) => file.startsWith('functions/telemetry/otlp/'))).toEqual([
      'functions/telemetry/otlp-exporter.ts',
    ])
  },
)

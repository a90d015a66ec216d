/** Telemetry without a collector costs nothing: its modules are not loaded. */
import { expect, test } from '@jest/globals'
import { build } from 'esbuild'
import { root } from '../../kit/process.ts'

/** The modules that only an export needs. */
const exporter = /^functions\/telemetry\/(?:otlp-\w+|metric-aggregator|span-buffer)\.ts$/

test.each(['functions/index.ts', 'functions/container.ts'])(
  '%s loads the OTLP exporter by a dynamic import only',
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
    const dynamic = new Set<string>()
    const visit = (file: string): void => {
      if (loaded.has(file)) return
      loaded.add(file)
      for (const { path, kind, external } of metafile.inputs[file]?.imports ?? []) {
        if (external) continue
        if (kind === 'dynamic-import') dynamic.add(path)
        else visit(path)
      }
    }
    visit(entry)
    expect(loaded.size).toBeGreaterThan(50)
    expect([...loaded].filter((file) => exporter.test(file))).toEqual([])
    expect([...dynamic].filter((file) => exporter.test(file))).toEqual([
      'functions/telemetry/otlp-exporter.ts',
    ])
  },
)

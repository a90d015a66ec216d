import { expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mediaTypesModule } from '../../../infra/media-types/table.ts'
import { root } from '../../kit/process.ts'

test('functions/lib/media-types.ts is the extract of mime-types; UPDATE_MEDIA_TYPES=1 writes it', async () => {
  const file = join(root, 'functions/lib/media-types.ts')
  const generated = mediaTypesModule()
  if (process.env['UPDATE_MEDIA_TYPES']) await writeFile(file, generated)
  expect(await readFile(file, 'utf8')).toBe(generated)
})

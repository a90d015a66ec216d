/** docs/doctor.md lists what the doctor tries; `UPDATE_DOCS=1 npm test -- doctor/docs` writes it anew. */
import { test } from '@jest/globals'
import { checksTable } from '../../../infra/docs/checks-table.ts'
import { expectMade } from '../../docs/generated-sections.ts'

test('the table has every check that there is', () =>
  expectMade('docs/doctor.md', 'checks', checksTable()))

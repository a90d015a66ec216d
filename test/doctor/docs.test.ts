/** docs/doctor.md lists what the doctor tries; `UPDATE_DOCS=1 npm test -- doctor/docs` writes it anew. */
import { test } from '@jest/globals'
import { checksTable } from '../../infra/doctor/describe.ts'
import { expectMade } from '../docs/made.ts'

test('the table has every check that there is', () =>
  expectMade('docs/doctor.md', 'checks', checksTable()))

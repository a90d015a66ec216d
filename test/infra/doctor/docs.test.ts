/** docs/doctor.md lists the checks; `UPDATE_DOCS=1 npm test -- doctor/docs` generates the list. */
import { test } from '@jest/globals'
import { checksTable } from '../../../infra/docs/checks-table.ts'
import { expectGeneratedSection } from '../../docs/generated-sections.ts'

test('docs/doctor.md lists every check', () =>
  expectGeneratedSection('docs/doctor.md', 'checks', checksTable()))

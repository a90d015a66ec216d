/** docs/deploy.md lists the steps of setup; `UPDATE_DOCS=1 npm test -- google/docs` generates the list. */
import { test } from '@jest/globals'
import { stepsTable } from '../../../infra/google/setup/describe.ts'
import { usage } from '../../../infra/google/setup/flags.ts'
import { setupSteps } from '../../../infra/google/setup/setup-steps.ts'
import { teardownSteps } from '../../../infra/google/setup/teardown-steps.ts'
import { expectGeneratedSection } from '../../docs/generated-sections.ts'
import { exampleDeployment } from './documented-commands.ts'

const setup = exampleDeployment([
  '--client=client_id.json',
  '--billing-account=012345-678901-ABCDEF',
])

test.each([
  ['setup', stepsTable(setupSteps(setup))],
  ['teardown', stepsTable(teardownSteps(exampleDeployment()))],
  ['flags', `\`\`\`text\n${usage.trimEnd()}\n\`\`\``],
])('the section "%s" of docs/deploy.md is up to date', (name, generated) =>
  expectGeneratedSection('docs/deploy.md', name, generated),
)

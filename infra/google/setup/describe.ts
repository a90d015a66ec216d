/** Formats steps: as text for a dry run, and as a table for docs/deploy.md. */
import { table } from '../../docs/table.ts'
import { formatCommand } from './step.ts'
import type { CommandCheck, Step } from './step.ts'

const formatCheck = ({ run, expectFailure }: CommandCheck): string =>
  `${formatCommand(run)}${expectFailure ? '   (must fail)' : ''}`

/** Formats every step as text. */
export function describeSteps(steps: readonly Step[]): string {
  const lines = steps.flatMap((step, index) => [
    `${index + 1}. ${step.name}: ${step.why}`,
    ...(step.onlyIf ?? []).map((check) => `     if      ${formatCheck(check)}`),
    ...(step.unless ? [`     unless  ${formatCheck(step.unless)}`] : []),
    ...(step.lookup ? [`     read    ${formatCommand(step.lookup.run)}`] : []),
    ...(step.write ? [`     write   ${step.write.file}`] : []),
    ...(step.alwaysRun ? [`     always  ${formatCommand(step.alwaysRun)}`] : []),
    ...(step.command ? [`     run     ${formatCommand(step.command, step.stdin)}`] : []),
    ...(step.manualAction === undefined ? [] : [`     you     ${step.manualAction}`]),
    ...(step.message === undefined
      ? []
      : [`     print   ${step.message.replaceAll('\n', '\n             ')}`]),
  ])
  return lines.join('\n')
}

/** Formats the steps as a Markdown table, without the ones that only read or write a local file. */
export function stepsTable(steps: readonly Step[]): string {
  const rows = steps
    .filter(({ lookup, write }) => !lookup && !write)
    .map(({ name, why, command, alwaysRun, stdin, message, manualAction }) => {
      const run = command ?? alwaysRun
      const action = run
        ? `\`${formatCommand(run, stdin)}\``
        : (message ?? `Setup stops: ${manualAction}`)
      return [name, why, action.replaceAll('\n', ' ')]
    })
  return table(['Step', 'Why', 'Action if it is not done'], rows)
}

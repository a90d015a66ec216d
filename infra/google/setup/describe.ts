/** Formats steps: as text for a dry run, and as a table for docs/deploy.md. */
import { table } from '../../docs/table.ts'
import { formatCommand, valueOf } from './step.ts'
import type { CommandCheck, Step } from './step.ts'

const formatCheck = ({ run }: CommandCheck): string => formatCommand(run)

/** Formats every step as text. */
export function describeSteps(steps: readonly Step[]): string {
  const lines = steps.flatMap((step, index) => [
    `${index + 1}. ${step.name}: ${step.why}`,
    ...valueOf(step.onlyIf ?? []).map((check) => `     if      ${formatCheck(check)}`),
    ...(step.unless ? [`     unless  ${formatCheck(valueOf(step.unless))}`] : []),
    ...(step.lookup ? [`     read    ${formatCommand(valueOf(step.lookup.run))}`] : []),
    ...(step.write ? [`     write   ${step.write.file}`] : []),
    ...(step.alwaysRun ? [`     always  ${formatCommand(valueOf(step.alwaysRun))}`] : []),
    ...(step.command ? [`     run     ${formatCommand(valueOf(step.command), step.stdin)}`] : []),
    ...(step.act?.reads ?? []).map((run) => `     read    ${formatCommand(valueOf(run))}`),
    ...(step.act?.changes ?? []).map((run) => `     run     ${formatCommand(valueOf(run))}`),
    ...(step.manualAction === undefined ? [] : [`     you     ${valueOf(step.manualAction)}`]),
    ...(step.message === undefined
      ? []
      : [`     print   ${valueOf(step.message).replaceAll('\n', '\n             ')}`]),
  ])
  return lines.join('\n')
}

/** Formats the steps as a Markdown table, without the ones that only read or write a local file. */
export function stepsTable(steps: readonly Step[]): string {
  const rows = steps
    .filter(({ lookup, write, act }) => !lookup && !write && act?.changes.length !== 0)
    .map(({ name, why, command, alwaysRun, act, stdin, message, manualAction }) => {
      const run = command ?? alwaysRun
      const commands = run
        ? [formatCommand(valueOf(run), stdin)]
        : (act?.changes ?? []).map((each) => formatCommand(valueOf(each)))
      const action =
        commands.length > 0
          ? commands.map((each) => `\`${each}\``).join(' ')
          : message === undefined
            ? `Setup stops: ${valueOf(manualAction ?? '')}`
            : valueOf(message)
      return [name, why, action.replaceAll('\n', ' ')]
    })
  return table(['Step', 'Why', 'Action if it is not done'], rows)
}

/** Steps as text: for a dry run, and for docs/deploy.md. */
import { formatCommand } from './step.ts'
import type { CommandCheck, Step } from './step.ts'

const looks = ({ run, expectFailure: fails }: CommandCheck): string =>
  `${formatCommand(run)}${fails ? '   (has to fail)' : ''}`

/** Every step as text, and nothing else happens. */
export function describeSteps(steps: readonly Step[]): string {
  const lines = steps.flatMap((step, index) => [
    `${index + 1}. ${step.name}: ${step.why}`,
    ...(step.onlyIf ?? []).map((check) => `     if      ${looks(check)}`),
    ...(step.unless ? [`     unless  ${looks(step.unless)}`] : []),
    ...(step.lookup ? [`     look    ${formatCommand(step.lookup.run)}`] : []),
    ...(step.write ? [`     write   ${step.write.file}`] : []),
    ...(step.alwaysRun ? [`     always  ${formatCommand(step.alwaysRun)}`] : []),
    ...(step.command ? [`     run     ${formatCommand(step.command, step.stdin)}`] : []),
    ...(step.manualAction === undefined ? [] : [`     you     ${step.manualAction}`]),
    ...(step.message === undefined
      ? []
      : [`     say     ${step.message.replaceAll('\n', '\n             ')}`]),
  ])
  return lines.join('\n')
}

/** A table for the docs: what is looked up or written on the way is left out. */
export function stepsTable(steps: readonly Step[]): string {
  const rows = steps
    .filter(({ lookup: find, write }) => !find && !write)
    .map(
      ({
        name,
        why,
        command,
        alwaysRun: prepare,
        stdin,
        message: tell,
        manualAction: otherwise,
      }) => {
        const run = command ?? prepare
        const does = run ? `\`${formatCommand(run, stdin)}\`` : (tell ?? `asks you: ${otherwise}`)
        return [name, why, does.replaceAll('|', '\\|').replaceAll('\n', ' ')]
      },
    )
  return [['Step', 'Why', 'Where it is not so yet'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

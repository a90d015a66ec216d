/** Steps as text: for a dry run, and for docs/deploy.md. */
import { shown } from './step.ts'
import type { Check, Step } from './step.ts'

const looks = ({ run, fails }: Check): string => `${shown(run)}${fails ? '   (has to fail)' : ''}`

/** Every step as text, and nothing else happens. */
export function describeSteps(steps: readonly Step[]): string {
  const lines = steps.flatMap((step, index) => [
    `${index + 1}. ${step.name}: ${step.why}`,
    ...(step.needed ?? []).map((check) => `     if      ${looks(check)}`),
    ...(step.done ? [`     unless  ${looks(step.done)}`] : []),
    ...(step.find ? [`     look    ${shown(step.find.run)}`] : []),
    ...(step.write ? [`     write   ${step.write.file}`] : []),
    ...(step.prepare ? [`     always  ${shown(step.prepare)}`] : []),
    ...(step.command ? [`     run     ${shown(step.command, step.stdin)}`] : []),
    ...(step.otherwise === undefined ? [] : [`     you     ${step.otherwise}`]),
    ...(step.tell === undefined
      ? []
      : [`     say     ${step.tell.replaceAll('\n', '\n             ')}`]),
  ])
  return lines.join('\n')
}

/** A table for the docs: what is looked up or written on the way is left out. */
export function stepsTable(steps: readonly Step[]): string {
  const rows = steps
    .filter(({ find, write }) => !find && !write)
    .map(({ name, why, command, prepare, stdin, tell, otherwise }) => {
      const run = command ?? prepare
      const does = run ? `\`${shown(run, stdin)}\`` : (tell ?? `asks you: ${otherwise}`)
      return [name, why, does.replaceAll('|', '\\|').replaceAll('\n', ' ')]
    })
  return [['Step', 'Why', 'Where it is not so yet'], ['---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

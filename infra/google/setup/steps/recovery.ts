/** Removes what a failed creation of a function has left behind, and nothing else. */
import { CliError } from '../../../local/cli-error.ts'
import type { Deployment } from '../deployment.ts'
import { functionNames } from '../names.ts'
import type { FunctionName } from '../names.ts'
import { capture } from '../programs.ts'
import { argv, formatCommand } from '../step.ts'
import type { Command, StepIo } from '../step.ts'

export const functionAddress = (fn: FunctionName): string =>
  `google_cloudfunctions2_function.function["${fn}"]`

export function describeFunction(
  { project, names, answers }: Deployment,
  fn: FunctionName,
): Command {
  return argv`gcloud functions describe ${names.services[fn]} --project=${project} --region=${answers.region} --format=value(state)`
}

/** Removes the functions that a failed creation has left behind, and that Terraform does not know. */
export async function recoverFunctions(deployment: Deployment, io: StepIo): Promise<void> {
  for (const fn of functionNames) {
    if (!deployment.inState.includes(functionAddress(fn))) await recoverFunction(deployment, fn, io)
  }
}

export async function recoverFunction(
  deployment: Deployment,
  fn: FunctionName,
  io: StepIo,
): Promise<void> {
  const { project, names, answers } = deployment
  const service = names.services[fn]
  const { code, stdout } = await capture(describeFunction(deployment, fn))
  if (code === 0) {
    if (stdout.trim() !== 'FAILED') return
    return remove(
      argv`gcloud functions delete ${service} --project=${project} --region=${answers.region} --quiet`,
      io,
    )
  }
  const described = await capture(
    argv`gcloud run services describe ${service} --project=${project} --region=${answers.region} --format=value(metadata.labels)`,
  )
  if (described.code !== 0) return
  // Cloud Functions labels the services that it makes; this one has lost its function.
  if (!described.stdout.includes('goog-managed-by=cloudfunctions')) {
    throw new CliError(
      `The project has a Cloud Run service ${service} already, which setup did not make. Remove it, or use --env=NAME for other names`,
    )
  }
  await remove(
    argv`gcloud run services delete ${service} --project=${project} --region=${answers.region} --quiet`,
    io,
  )
}

async function remove(command: Command, { planOnly, progress }: StepIo): Promise<void> {
  progress(`${planOnly ? 'would run ' : ''}${formatCommand(command)}`)
  if (planOnly) return
  const { code, stderr } = await capture(command)
  if (code !== 0) throw new CliError(`Cannot remove what a failed run has left: ${stderr.trim()}`)
}

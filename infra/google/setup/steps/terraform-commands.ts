/** Terraform's command line. */
import type { Deployment } from '../deployment.ts'
import { argv } from '../step.ts'

/** The arguments that run Terraform in infra/google. */
export const terraform = argv`terraform -chdir=infra/google`

export const stateList = argv`${terraform} state list`

/** @returns the addresses in Terraform's state */
export function readAddresses(output: string | undefined): string[] {
  return (output ?? '').split('\n').filter((line) => line !== '')
}

/** @returns the flag with the variables of this environment, for a program in infra/google */
export function variables({ names }: Deployment): string {
  return `-var-file=../../${names.variablesFile}`
}

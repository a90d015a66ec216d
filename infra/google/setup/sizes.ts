/** Sizes of the functions and of the container that the operator has changed (`infra/google/sizes.tf`). */
import { CliError } from '../../local/cli-error.ts'
import { functionNames } from './names.ts'

export type Sizes = Record<string, Record<string, string | number>>

const names: readonly string[] = [...functionNames, 'container']

const whole = /^\d{1,4}$/
const fields: Record<string, { accepts(value: string): boolean; like: string }> = {
  memory: {
    accepts: (value) => /^(?:[1-9]\d{2,4}Mi|[1-9]\d?Gi)$/.test(value),
    like: '512Mi or 2Gi',
  },
  // With less than one CPU, an instance handles one request at a time.
  cpu: { accepts: (value) => /^[12468]$/.test(value), like: '1, 2, 4, 6 or 8' },
  concurrency: { accepts: inRange(2, 1000), like: '2 to 1000 requests' },
  timeout: { accepts: inRange(1, 3600), like: '1 to 3600 seconds' },
  min_instances: { accepts: inRange(0, 1000), like: '0 to 1000 instances' },
  max_instances: { accepts: inRange(1, 1000), like: '1 to 1000 instances' },
}

function inRange(least: number, most: number): (value: string) => boolean {
  return (value) => whole.test(value) && Number(value) >= least && Number(value) <= most
}

/**
 * Applies assignments such as `upload.max_instances=40`; an empty value restores the default.
 *
 * @throws {CliError} when a name or a value is invalid
 */
export function changeSizes(sizes: Sizes, assignments: readonly string[]): Sizes {
  const changed = structuredClone(sizes)
  for (const assignment of assignments) {
    const [, name = '', field = '', value = ''] = /^(\w+)\.(\w+)=(.*)$/.exec(assignment) ?? []
    const rule = fields[field]
    if (!names.includes(name) || !rule) {
      throw new CliError(
        `Cannot use --size=${assignment}: it must look like upload.max_instances=40. ` +
          `The names are ${names.join(', ')}; the sizes are ${Object.keys(fields).join(', ')}`,
      )
    }
    const { [field]: _, ...rest } = changed[name] ?? {}
    if (value === '') changed[name] = rest
    else if (rule.accepts(value)) {
      changed[name] = { ...rest, [field]: field === 'memory' ? value : Number(value) }
    } else throw new CliError(`Cannot use --size=${assignment}: ${field} is ${rule.like}`)
    if (Object.keys(changed[name] ?? {}).length === 0) delete changed[name]
  }
  return changed
}

/** Validates sizes that were read from a file, by the same rules. */
export function checkSizes(sizes: Sizes): Sizes {
  const assignments = Object.entries(sizes).flatMap(([name, size]) =>
    Object.entries(size).map(([field, value]) => `${name}.${field}=${value}`),
  )
  return changeSizes({}, assignments)
}

/** The state bucket, and the answers and records that it stores beside Terraform's state. */
import { readFile } from 'node:fs/promises'
import { CliError } from '../../../local/cli-error.ts'
import type { Question, Terminal } from '../../../terminal/terminal.ts'
import { formatAnswers, resolveAnswers } from '../answers.ts'
import type { Deployment, Records } from '../deployment.ts'
import { capture } from '../programs.ts'
import { argv } from '../step.ts'
import type { Command, Step } from '../step.ts'

const answersFile = 'answers.json'
const recordsFile = 'records.json'

/** Reads what is stored, before anything is decided. */
export function readStoredSteps(deployment: Deployment): Step[] {
  const { project, names } = deployment
  const read = (name: string, why: string, file: string, set: (text: string) => void): Step => {
    const run = argv`gcloud storage cat ${names.stateFolder}/${file} --project=${project}`
    return {
      name,
      why,
      when: () => deployment.objects.includes(file),
      lookup: {
        run,
        read(output, error) {
          if (output === undefined) {
            throw new CliError(`Cannot read ${names.stateFolder}/${file}: ${error.trim()}`)
          }
          set(output)
        },
      },
    }
  }
  return [
    {
      name: 'State folder',
      why: 'has the answers and the state of earlier runs, also from other machines',
      lookup: {
        run: argv`gcloud storage ls ${names.stateFolder}/ --project=${project}`,
        read(output, error) {
          if (output === undefined && !/matched no objects|not found|404/i.test(error)) {
            // Without this check, a failure to read would look like a new deployment.
            throw new CliError(`Cannot read ${names.stateFolder}: ${error.trim()}`)
          }
          deployment.objects = (output ?? '')
            .split('\n')
            .map((line) => line.trim().split('/').at(-1) ?? '')
            .filter((name) => name !== '')
        },
      },
    },
    read('Stored answers', 'every machine uses the same', answersFile, (text) => {
      deployment.storedAnswers = text
    }),
    read('Records', 'what setup has made or taken over', recordsFile, (text) => {
      deployment.storedRecords = text
      deployment.records = { ...deployment.records, ...(JSON.parse(text) as Partial<Records>) }
    }),
  ]
}

/** Decides the answers: stored ones, or those of a file, changed by the flags; else by questions. */
export function answersStep(deployment: Deployment, { asks }: { asks: boolean }): Step {
  const { flags, names, project } = deployment
  return {
    name: 'Answers',
    why: 'region, settings, sizes: the stored ones, changed by the flags',
    act: {
      reads: [],
      changes: [],
      async run({ terminal, planOnly }) {
        const { storedAnswers, objects, storedRecords } = deployment
        if (flags.answersFile !== undefined) {
          const text = await readFile(flags.answersFile, 'utf8').catch(() => {
            throw new CliError(`Cannot read --answers=${flags.answersFile}`)
          })
          deployment.answers = resolveAnswers(
            parse(text, flags.answersFile),
            flags,
            flags.answersFile,
          )
        } else if (storedAnswers !== undefined) {
          const source = `${names.stateFolder}/${answersFile}`
          deployment.answers = resolveAnswers(parse(storedAnswers, source), flags, source)
        } else if (objects.includes('default.tfstate')) {
          throw new CliError(
            `There is a Terraform state in ${names.stateFolder}, but no answers: with the defaults, everybody could sign in, and alerts and the container would be removed. ` +
              'Restore answers.json (the bucket has versions), or pass all answers with --answers=FILE; {} has the defaults',
          )
        } else {
          deployment.answers = resolveAnswers({}, flags, 'The answers')
          const isNew = storedRecords === undefined && !planOnly && !flags.yes
          if (asks && terminal.isInteractive && isNew) await askForAnswers(deployment, terminal)
        }
        if (
          asks &&
          terminal.isInteractive &&
          !flags.yes &&
          storedAnswers === undefined &&
          !planOnly
        ) {
          const question = `Set up Driveway (${names.name}) in the project ${project}, in ${deployment.answers.region}?`
          if (!(await terminal.confirm(question, true))) throw new CliError('Nothing was changed')
        }
        return 'already done'
      },
    },
  }
}

async function askForAnswers(deployment: Deployment, terminal: Terminal): Promise<void> {
  const { answers, account, flags } = deployment
  const asked = new Set(flags.set.map((assignment) => assignment.split('=', 1)[0]))
  const questions: [isOpen: boolean, Question, (answer: string) => void][] = [
    [
      flags.region === undefined,
      { text: 'Region, near the users', default: answers.region, flag: '--region=…' },
      (region) => (flags.region = region),
    ],
    [
      !asked.has('ALLOWED_USERS'),
      {
        text: 'Who may sign in: addresses, @domains, or everybody',
        default: account,
        flag: '--set=ALLOWED_USERS=…',
      },
      (users) => flags.set.push(`ALLOWED_USERS=${users}`),
    ],
    [
      !asked.has('OPERATORS'),
      {
        text: 'Who operates it, and may run all checks',
        default: account,
        flag: '--set=OPERATORS=…',
      },
      (operators) => flags.set.push(`OPERATORS=${operators}`),
    ],
    [
      flags.alertEmail === undefined,
      { text: 'Who receives alerts by mail', default: account, flag: '--alert-email=…' },
      (address) => (flags.alertEmail = address),
    ],
  ]
  for (const [isOpen, question, use] of questions) {
    if (isOpen) use(await terminal.ask(question))
  }
  deployment.answers = resolveAnswers({}, flags, 'The answers')
}

export function stateBucketSteps(deployment: Deployment): Step[] {
  const { project, names } = deployment
  const bucket = names.stateBucket
  return [
    {
      name: 'State bucket',
      why: 'shares Terraform’s state and your answers with other machines',
      unless: { run: argv`gcloud storage buckets describe ${bucket} --project=${project}` },
      command:
        () => argv`gcloud storage buckets create ${bucket} --project=${project} --location=${deployment.answers.region}
        --uniform-bucket-level-access --public-access-prevention`,
    },
    {
      name: 'State versioning',
      why: 'allows an earlier state to be restored',
      unless: {
        run: argv`gcloud storage buckets describe ${bucket} --project=${project} --format=value(versioning_enabled)`,
        matches: /true/i,
      },
      command: argv`gcloud storage buckets update ${bucket} --project=${project} --versioning`,
    },
  ]
}

/** Stores the answers of this run; without secrets. */
export function storeAnswersStep(deployment: Deployment): Step {
  const text = (): string => formatAnswers(deployment.answers)
  return {
    name: 'Stored answers',
    why: 'the next run, and other machines, use the same',
    done: () => deployment.storedAnswers === text(),
    command: () => storeCommand(deployment, answersFile),
    stdin: { label: 'the answers', text },
    isIndependent: true,
  }
}

/** Stores what setup has made or taken over. */
export async function storeRecords(deployment: Deployment): Promise<void> {
  const text = `${JSON.stringify(deployment.records, null, 2)}\n`
  if (text === deployment.storedRecords) return
  const { code, stderr } = await capture(storeRecordsCommand(deployment), text)
  if (code !== 0) throw new CliError(`Cannot store ${recordsFile}: ${stderr.trim()}`)
  deployment.storedRecords = text
}

export function storeRecordsCommand(deployment: Deployment): Command {
  return storeCommand(deployment, recordsFile)
}

function storeCommand({ project, names }: Deployment, file: string): Command {
  return argv`gcloud storage cp - ${names.stateFolder}/${file} --project=${project}`
}

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CliError(`${source} is not JSON`)
  }
}

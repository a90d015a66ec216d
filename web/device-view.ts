/** Lets a person allow a terminal that shows a code, after seeing what asks and for what. */
import { announce } from './live-region.ts'
import { answerDevice, getDevice } from './api/client.ts'
import { button, element } from './dom.ts'
import { formatSpan } from './format.ts'
import { icon } from './icons.ts'
import { nameElement } from './display-name.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { field, lifetimeChoice } from './token-form.ts'
import type { DeviceRequest } from './api/token-types.ts'

export interface DeviceViewOptions {
  /** From the address; '' when the person is to type it. */
  readonly code: string
  readonly email: string
  readonly lost: (problem: Problem) => void
}

export function createDeviceView({ code, email, lost }: DeviceViewOptions) {
  const heading = element('h1', { tabindex: -1 }, strings.deviceTitle)
  const step = element('div', { class: 'card device' })
  const view = element('div', { class: 'browse narrow' }, heading, step)

  function askForCode(typed: string, problem: Problem | null): void {
    const input = element('input', {
      id: 'device-code',
      class: 'device-code',
      value: typed,
      required: true,
      maxlength: 20,
      autocomplete: 'off',
      autocapitalize: 'characters',
      spellcheck: 'false',
      placeholder: 'BCDF-GHJK',
      'aria-describedby': 'device-problem',
    })
    input.addEventListener('change', () => (input.value = tidy(input.value)))
    const words = element('p', { id: 'device-problem', class: 'dialog-problem', role: 'alert' })
    if (problem !== null) words.textContent = wordsFor(problem)
    const form = element(
      'form',
      {},
      element('p', {}, strings.deviceAbout),
      field(input, strings.deviceCode),
      words,
      element('button', { type: 'submit' }, strings.deviceNext),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void look(tidy(input.value))
    })
    step.replaceChildren(form)
    if (problem !== null) input.focus()
  }

  async function look(wanted: string): Promise<void> {
    try {
      ask(await getDevice(wanted))
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      askForCode(wanted, problem)
    }
  }

  function ask(request: DeviceRequest): void {
    const days = lifetimeChoice('device-days')
    const outcome = element('p', { class: 'dialog-problem', role: 'alert' })
    const title = element('h2', { tabindex: -1 }, strings.deviceAsks)
    const answer = async (approve: boolean): Promise<void> => {
      try {
        const expiresInDays = Number(days.value)
        const yes = { approve: true, account: email, expiresInDays } as const
        await answerDevice(request.code, approve ? yes : { approve })
        finish(approve)
      } catch (thrown) {
        const problem = asProblem(thrown)
        if (problem.status === 401) return lost(problem)
        outcome.textContent = wordsFor(problem)
      }
    }
    const deny = button(strings.deviceDeny, () => void answer(false), { class: 'quiet' })
    const approve = button(strings.deviceApprove, () => void answer(true))
    step.replaceChildren(
      title,
      facts(request, email),
      element('p', { class: 'warning' }, icon('alert'), element('span', {}, strings.deviceWarning)),
      field(days, strings.deviceLifetime),
      outcome,
      element('div', { class: 'dialog-buttons' }, deny, approve),
    )
    title.focus()
  }

  function finish(approved: boolean): void {
    const words = approved ? strings.deviceApproved : strings.deviceDenied
    const title = element('h2', { tabindex: -1 }, words)
    step.replaceChildren(
      element('div', { class: 'device-done' }, icon(approved ? 'done' : 'closed'), title),
      element('p', {}, approved ? strings.deviceApprovedHint : strings.deviceDeniedHint),
    )
    announce(words)
    title.focus()
  }

  if (code === '') askForCode('', null)
  else {
    askForCode(code, null)
    void look(tidy(code))
  }
  return { element: view, focus: () => heading.focus(), close: () => {} }
}

function facts(
  { code, client, scopes, address, userAgent, created }: DeviceRequest,
  email: string,
) {
  const rows: [string, Node | string][] = [
    [strings.deviceCode, element('strong', { class: 'code' }, code)],
    [strings.deviceClient, client === '' ? strings.deviceNameless : nameElement(client)],
    [strings.deviceAccount, email],
    [strings.deviceMay, scopes.map((scope) => strings.scopes[scope]).join('; ')],
    [
      strings.deviceFrom,
      nameElement([address, userAgent].filter((part) => part !== '').join(' · ')),
    ],
    [strings.deviceWhen, created === null ? '' : formatSpan(created)],
  ]
  const shown = rows.filter(([, value]) => value !== '')
  return element(
    'dl',
    { class: 'facts' },
    ...shown.flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
  )
}

/** As codes are shown: capitals, with a hyphen in the middle. */
function tidy(typed: string): string {
  const letters = typed.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')
  return letters.length === 8 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters
}

function wordsFor(problem: Problem): string {
  const gone = problem.status === 404 || problem.status === 410
  return gone ? strings.deviceUnknown : problem.words
}

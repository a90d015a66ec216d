/** Approves or denies a device authorization request by its user code (RFC 8628). */
import { announce } from './live-region.ts'
import { respondToDevice, getDevice } from './api/client.ts'
import { button, element } from './dom.ts'
import { formatRelative } from './format.ts'
import { icon } from './icons.ts'
import { nameElement } from './display-name.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { field, createLifetimeSelect } from './token-form.ts'
import type { DeviceRequest } from './api/token-types.ts'

export interface DeviceViewOptions {
  /** The user code from the URL; '' when the user has to type it. */
  readonly code: string
  readonly email: string
  readonly onUnauthorized: (problem: Problem) => void
}

export function createDeviceView({ code: initialCode, email, onUnauthorized }: DeviceViewOptions) {
  const heading = element('h1', { tabindex: -1 }, strings.deviceTitle)
  const card = element('div', { class: 'card device' })
  const view = element('div', { class: 'view narrow' }, heading, card)

  function showCodeForm(code: string, problem: Problem | null): void {
    const input = element('input', {
      id: 'device-code',
      class: 'device-code',
      value: code,
      required: true,
      maxlength: 20,
      autocomplete: 'off',
      autocapitalize: 'characters',
      spellcheck: 'false',
      placeholder: 'BCDF-GHJK',
      'aria-describedby': 'device-error',
    })
    input.addEventListener('change', () => (input.value = formatUserCode(input.value)))
    const errorMessage = element('p', { id: 'device-error', class: 'form-error', role: 'alert' })
    if (problem !== null) errorMessage.textContent = problemText(problem)
    const form = element(
      'form',
      {},
      element('p', {}, strings.deviceAbout),
      field(input, strings.deviceCode),
      errorMessage,
      element('button', { type: 'submit' }, strings.deviceNext),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      void lookUp(formatUserCode(input.value))
    })
    card.replaceChildren(form)
    if (problem !== null) input.focus()
  }

  async function lookUp(userCode: string): Promise<void> {
    try {
      showRequest(await getDevice(userCode))
    } catch (error) {
      const problem = toProblem(error)
      if (problem.status === 401) return onUnauthorized(problem)
      showCodeForm(userCode, problem)
    }
  }

  function showRequest(request: DeviceRequest): void {
    const days = createLifetimeSelect('device-days')
    const errorMessage = element('p', { class: 'form-error', role: 'alert' })
    const title = element('h2', { tabindex: -1 }, strings.deviceRequestTitle)
    const respond = async (isApproved: boolean): Promise<void> => {
      try {
        const expiresInDays = Number(days.value)
        const approval = { approve: true, account: email, expiresInDays } as const
        await respondToDevice(request.code, isApproved ? approval : { approve: false })
        showResult(isApproved)
      } catch (error) {
        const problem = toProblem(error)
        if (problem.status === 401) return onUnauthorized(problem)
        errorMessage.textContent = problemText(problem)
      }
    }
    const deny = button(strings.deviceDeny, () => void respond(false), { class: 'secondary' })
    const approve = button(strings.deviceApprove, () => void respond(true))
    card.replaceChildren(
      title,
      requestDetails(request, email),
      element('p', { class: 'warning' }, icon('alert'), element('span', {}, strings.deviceWarning)),
      field(days, strings.deviceExpiresAfter),
      errorMessage,
      element('div', { class: 'dialog-buttons' }, deny, approve),
    )
    title.focus()
  }

  function showResult(isApproved: boolean): void {
    const message = isApproved ? strings.deviceApproved : strings.deviceDenied
    const title = element('h2', { tabindex: -1 }, message)
    card.replaceChildren(
      element('div', { class: 'device-result' }, icon(isApproved ? 'done' : 'blocked'), title),
      element('p', {}, isApproved ? strings.deviceApprovedHint : strings.deviceDeniedHint),
    )
    announce(message)
    title.focus()
  }

  if (initialCode === '') showCodeForm('', null)
  else {
    showCodeForm(initialCode, null)
    void lookUp(formatUserCode(initialCode))
  }
  return { element: view, focus: () => heading.focus(), close: () => {} }
}

function requestDetails(
  { code, client, scopes, address, userAgent, created }: DeviceRequest,
  email: string,
) {
  const rows: [string, Node | string][] = [
    [strings.deviceCode, element('strong', { class: 'user-code' }, code)],
    [strings.deviceClient, client === '' ? strings.deviceUnnamed : nameElement(client)],
    [strings.deviceAccount, email],
    [strings.deviceScopes, scopes.map((scope) => strings.scopes[scope]).join('; ')],
    [
      strings.deviceFrom,
      nameElement([address, userAgent].filter((part) => part !== '').join(' · ')),
    ],
    [strings.deviceRequested, created === null ? '' : formatRelative(created)],
  ]
  const shown = rows.filter(([, value]) => value !== '')
  return element(
    'dl',
    { class: 'request-details' },
    ...shown.flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
  )
}

/** Formats a user code as devices show it: upper case, with a hyphen in the middle. */
function formatUserCode(code: string): string {
  const letters = code.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')
  return letters.length === 8 ? `${letters.slice(0, 4)}-${letters.slice(4)}` : letters
}

function problemText(problem: Problem): string {
  const isGone = problem.status === 404 || problem.status === 410
  return isGone ? strings.deviceUnknown : problem.userMessage
}

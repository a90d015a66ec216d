/** The form for a new token: name, lifetime, scopes, folder and limits. */
import { createToken } from './api/client.ts'
import type { TokenRequest } from './api/client.ts'
import { element } from './dom.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { currentFolder } from './breadcrumbs.ts'
import type { Breadcrumbs } from './breadcrumbs.ts'
import { errorView } from './error-view.ts'
import { allScopes } from './api/token-types.ts'
import type { CreatedToken } from './api/token-types.ts'

const lifetimeDays = [1, 7, 30, 90, 365] as const
const defaultLifetimeDays = 90
const bytesPerMegabyte = 1_000_000

/** @param crumbs the path of the folder that the token may be restricted to */
export function createTokenForm(
  crumbs: Breadcrumbs,
  onCreated: (token: CreatedToken) => void,
  onUnauthorized: (problem: Problem) => void,
) {
  const folder = currentFolder(crumbs)
  const name = input('token-name', {
    value: strings.tokenNameDefault,
    maxlength: 64,
    required: true,
  })
  const scopes = allScopes.map((scope) => ({
    scope,
    checkbox: element('input', { type: 'checkbox', checked: true }),
  }))
  const folderCheckbox = element('input', { type: 'checkbox' })
  const days = createLifetimeSelect('token-days')
  const megabytes = input('token-megabytes', {
    type: 'number',
    min: 1,
    step: 'any',
    inputmode: 'decimal',
  })
  const files = input('token-files', { type: 'number', min: 1, step: 1, inputmode: 'numeric' })
  const submitButton = element('button', { type: 'submit' }, strings.createToken)
  const errorSlot = element('div')
  const form = element(
    'form',
    { class: 'token-form' },
    field(name, strings.tokenName),
    field(days, strings.tokenExpiresAfter),
    element(
      'fieldset',
      {},
      element('legend', {}, strings.tokenScopes),
      ...scopes.map(({ scope, checkbox }) => checkboxField(checkbox, strings.scopes[scope])),
      folder === null ? null : checkboxField(folderCheckbox, strings.tokenFolder(folder.name)),
    ),
    element(
      'details',
      { class: 'token-limits' },
      element('summary', {}, strings.tokenLimits),
      element(
        'div',
        { class: 'token-limit-fields' },
        field(megabytes, strings.tokenMegabytes),
        field(files, strings.tokenFiles),
      ),
    ),
    errorSlot,
    submitButton,
  )

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })

  function tokenRequest(): TokenRequest {
    return {
      name: name.value.trim(),
      scopes: scopes.filter(({ checkbox }) => checkbox.checked).map(({ scope }) => scope),
      expiresInDays: Number(days.value),
      ...(folder !== null && folderCheckbox.checked ? { folder: folder.id } : {}),
      ...(megabytes.value === ''
        ? {}
        : { maxBytes: Math.round(Number(megabytes.value) * bytesPerMegabyte) }),
      ...(files.value === '' ? {} : { maxFiles: Number(files.value) }),
    }
  }

  async function submit(): Promise<void> {
    if (submitButton.disabled) return
    const request = tokenRequest()
    if (request.scopes.length === 0) return scopes[0]?.checkbox.focus()
    submitButton.disabled = true
    errorSlot.replaceChildren()
    try {
      onCreated(await createToken(request))
    } catch (error) {
      const problem = toProblem(error)
      if (problem.status === 401) return onUnauthorized(problem)
      errorSlot.replaceChildren(errorView(problem.title, problem, () => void submit()))
    } finally {
      submitButton.disabled = false
    }
  }

  /** Requires at least one scope. */
  function validateScopes(): void {
    const isEmpty = scopes.every(({ checkbox }) => !checkbox.checked)
    scopes[0]?.checkbox.setCustomValidity(isEmpty ? strings.tokenScopeRequired : '')
  }
  for (const { checkbox } of scopes) checkbox.addEventListener('change', validateScopes)

  return form
}

export function createLifetimeSelect(id: string): HTMLSelectElement {
  const options = lifetimeDays.map((days) =>
    element('option', { value: days, selected: days === defaultLifetimeDays }, strings.days(days)),
  )
  return element('select', { id }, ...options)
}

function input(id: string, attributes: Parameters<typeof element>[1]): HTMLInputElement {
  return element('input', { id, autocomplete: 'off', ...attributes })
}

export function field(control: HTMLElement, label: string): HTMLElement {
  return element('div', { class: 'field' }, element('label', { for: control.id }, label), control)
}

function checkboxField(checkbox: HTMLInputElement, label: string): HTMLElement {
  return element('label', { class: 'checkbox-field' }, checkbox, element('span', {}, label))
}

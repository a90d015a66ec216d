/** What a new token may do, where, how much and for how long. */
import { makeToken } from './api/client.ts'
import type { TokenWishes } from './api/client.ts'
import { element } from './dom.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { folderOf } from './breadcrumbs.ts'
import type { Trail } from './breadcrumbs.ts'
import { trouble } from './error-view.ts'
import { allScopes } from './api/token-types.ts'
import type { MadeToken } from './api/token-types.ts'

export const lifetimes = [1, 7, 30, 90, 365] as const
const usualLifetime = 90
const megabyte = 1_000_000

/** @param trail a folder to which the token may be bound */
export function createTokenForm(
  trail: Trail,
  made: (token: MadeToken) => void,
  lost: (problem: Problem) => void,
) {
  const folder = folderOf(trail)
  const name = input('token-name', {
    value: strings.tokenNameDefault,
    maxlength: 64,
    required: true,
  })
  const scopes = allScopes.map((scope) => ({
    scope,
    box: element('input', { type: 'checkbox', checked: true }),
  }))
  const bound = element('input', { type: 'checkbox' })
  const days = lifetimeChoice('token-days')
  const megabytes = input('token-megabytes', {
    type: 'number',
    min: 1,
    step: 'any',
    inputmode: 'decimal',
  })
  const files = input('token-files', { type: 'number', min: 1, step: 1, inputmode: 'numeric' })
  const make = element('button', { type: 'submit' }, strings.makeToken)
  const outcome = element('div')
  const form = element(
    'form',
    { class: 'token-form' },
    field(name, strings.tokenName),
    field(days, strings.tokenLifetime),
    element(
      'fieldset',
      {},
      element('legend', {}, strings.tokenMay),
      ...scopes.map(({ scope, box }) => choice(box, strings.scopes[scope])),
      folder === null ? null : choice(bound, strings.tokenBound(folder.name)),
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
    outcome,
    make,
  )

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })

  function wishes(): TokenWishes {
    return {
      name: name.value.trim(),
      scopes: scopes.filter(({ box }) => box.checked).map(({ scope }) => scope),
      expiresInDays: Number(days.value),
      ...(folder !== null && bound.checked ? { folder: folder.id } : {}),
      ...(megabytes.value === ''
        ? {}
        : { maxBytes: Math.round(Number(megabytes.value) * megabyte) }),
      ...(files.value === '' ? {} : { maxFiles: Number(files.value) }),
    }
  }

  async function submit(): Promise<void> {
    if (make.disabled) return
    const wanted = wishes()
    if (wanted.scopes.length === 0) return scopes[0]?.box.focus()
    make.disabled = true
    outcome.replaceChildren()
    try {
      made(await makeToken(wanted))
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      outcome.replaceChildren(trouble(problem.title, problem, () => void submit()))
    } finally {
      make.disabled = false
    }
  }

  /** A token that may do nothing is worth nothing: the last box says so. */
  function checkScopes(): void {
    const none = scopes.every(({ box }) => !box.checked)
    scopes[0]?.box.setCustomValidity(none ? strings.tokenMayNothing : '')
  }
  for (const { box } of scopes) box.addEventListener('change', checkScopes)

  return form
}

export function lifetimeChoice(id: string): HTMLSelectElement {
  const options = lifetimes.map((days) =>
    element('option', { value: days, selected: days === usualLifetime }, strings.days(days)),
  )
  return element('select', { id }, ...options)
}

function input(id: string, attributes: Parameters<typeof element>[1]): HTMLInputElement {
  return element('input', { id, autocomplete: 'off', ...attributes })
}

export function field(control: HTMLElement, label: string): HTMLElement {
  return element('div', { class: 'field' }, element('label', { for: control.id }, label), control)
}

function choice(box: HTMLInputElement, label: string): HTMLElement {
  return element('label', { class: 'choice' }, box, element('span', {}, label))
}

/** Makes a token, shows it once, and with it the lines to use it from a terminal. */
import { announce } from './announce.ts'
import { makeToken } from './api.ts'
import { curlLines } from './curl-lines.ts'
import type { Line } from './curl-lines.ts'
import { button, element } from './element.ts'
import { formatMoment } from './format.ts'
import { icon } from './icons.ts'
import { Problem, asProblem } from './problem.ts'
import { strings } from './strings.ts'
import { folderOf } from './trail.ts'
import type { Trail } from './trail.ts'
import { trouble } from './trouble.ts'
import type { MadeToken } from './wire.ts'

const patience = 2_000 // how long a button says "Copied"

export function createCurlPanel(lost: (problem: Problem) => void) {
  const field = element('input', {
    id: 'token-name',
    value: strings.tokenNameDefault,
    maxlength: 64,
    required: true,
    autocomplete: 'off',
  })
  const make = element('button', { type: 'submit' }, strings.makeToken)
  const label = element('label', { for: field.id }, strings.tokenName)
  const form = element('form', { class: 'token-form' }, label, field, make)
  const lines = element('ul', { role: 'list', class: 'lines' })
  const outcome = element('div', { class: 'token-outcome' })
  const panel = element(
    'section',
    { id: 'curl', class: 'card curl', hidden: true, 'aria-labelledby': 'curl-title' },
    element('h2', { id: 'curl-title' }, strings.curl),
    element('p', {}, strings.curlAbout),
    form,
    outcome,
  )
  let made: MadeToken | null = null
  let folder: string | null = null

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })

  async function submit(): Promise<void> {
    if (make.disabled) return
    make.disabled = true
    try {
      made = await makeToken(field.value.trim())
      showToken(made)
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      outcome.replaceChildren(trouble(problem.title, problem, () => void submit()))
    } finally {
      make.disabled = false
    }
  }

  function showToken({ token, name, expires }: MadeToken): void {
    const until = expires === null ? '' : formatMoment(expires)
    const heading = element('h3', { tabindex: -1 }, strings.tokenMade(name))
    const once =
      until === '' ? strings.tokenOnce : `${strings.tokenOnce} ${strings.tokenExpires(until)}`
    const secret = element('ul', { role: 'list', class: 'lines' })
    secret.append(copyable({ label: strings.token, line: token }))
    outcome.replaceChildren(heading, element('p', {}, once), secret, lines)
    showLines()
    heading.focus()
  }

  function showLines(): void {
    if (made === null) return
    lines.replaceChildren(...curlLines(location.origin, made.token, folder).map(copyable))
  }

  const toggle = button([icon('terminal'), strings.curl], () => {
    panel.hidden = !panel.hidden
    toggle.setAttribute('aria-expanded', String(!panel.hidden))
  })
  toggle.classList.add('quiet')
  toggle.setAttribute('aria-controls', panel.id)
  toggle.setAttribute('aria-expanded', 'false')

  return {
    toggle,
    element: panel,
    /** The lines speak of the folder that is open. */
    show(trail: Trail): void {
      folder = folderOf(trail)?.id ?? null
      showLines()
    },
  }
}

function copyable({ label, line }: Line): HTMLElement {
  const code = element('code', {}, line)
  const copy = button(strings.copy, () => void copyLine(), {
    class: 'quiet',
    'aria-label': strings.copyNamed(label),
  })

  async function copyLine(): Promise<void> {
    const words = await copied(line, code)
    announce(words)
    copy.textContent = words
    setTimeout(() => (copy.textContent = strings.copy), patience)
  }

  return element(
    'li',
    {},
    element('p', { class: 'line-label' }, label),
    copy,
    element('pre', {}, code),
  )
}

/** Where the clipboard is closed to pages, the line is selected for the person to copy. */
async function copied(line: string, code: HTMLElement): Promise<string> {
  try {
    await navigator.clipboard.writeText(line)
    return strings.copied
  } catch {
    getSelection()?.selectAllChildren(code)
    return strings.copyFailed
  }
}

/** Dialogs: a question or a small form before everything else. The focus goes back by itself. */
import { button, element } from './dom.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'

export interface DialogOptions {
  readonly title: string
  /** What stands between the title and the buttons. */
  readonly content: readonly Node[]
  readonly action: string
  readonly danger?: boolean
  /** Closes the dialog when it is done; what it throws is shown in it. */
  readonly act: () => Promise<void>
  /** Called instead of showing it where a 401 says that nobody is signed in any more. */
  readonly lost: (problem: Problem) => void
}

export function openDialog({ title, content, action, danger, act, lost }: DialogOptions): void {
  const outcome = element('p', { class: 'dialog-problem', role: 'alert' })
  const cancel = button(strings.cancel, () => dialog.close(), { class: 'quiet' })
  const go = element('button', { type: 'submit', class: danger === true ? 'danger' : null }, action)
  const heading = element('h2', { id: 'dialog-title' }, title)
  const buttons = element('div', { class: 'dialog-buttons' }, cancel, go)
  const form = element('form', { method: 'dialog' }, heading, ...content, outcome, buttons)
  const dialog = element('dialog', { 'aria-labelledby': heading.id }, form)
  let busy = false

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  dialog.addEventListener('close', () => dialog.remove())

  async function submit(): Promise<void> {
    if (busy) return
    busy = true
    go.setAttribute('aria-disabled', 'true')
    outcome.textContent = ''
    try {
      await act()
      dialog.close()
    } catch (thrown) {
      const problem = asProblem(thrown)
      if (problem.status === 401) {
        dialog.close()
        return lost(problem)
      }
      outcome.textContent = problem.words
    } finally {
      busy = false
      go.removeAttribute('aria-disabled')
    }
  }

  document.body.append(dialog)
  dialog.showModal()
}

/** Closes what is open: another place was gone to, or another person is here. */
export function closeDialogs(): void {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close()
}

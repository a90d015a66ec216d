/** Modal dialogs for confirmations and small forms. The browser restores the focus on close. */
import { button, element } from './dom.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'

export interface DialogOptions {
  readonly title: string
  /** Nodes between the title and the buttons. */
  readonly content: readonly Node[]
  readonly action: string
  readonly danger?: boolean
  /** The dialog closes when it resolves, and shows the error when it rejects. */
  readonly onSubmit: () => Promise<void>
  /** Called with a 401 instead of showing it. */
  readonly onUnauthorized: (problem: Problem) => void
}

export function openDialog({
  title,
  content,
  action,
  danger,
  onSubmit,
  onUnauthorized,
}: DialogOptions): void {
  const errorMessage = element('p', { class: 'form-error', role: 'alert' })
  const cancel = button(strings.cancel, () => dialog.close(), { class: 'secondary' })
  const submitButton = element(
    'button',
    { type: 'submit', class: danger === true ? 'danger' : null },
    action,
  )
  const heading = element('h2', { id: 'dialog-title' }, title)
  const buttons = element('div', { class: 'dialog-buttons' }, cancel, submitButton)
  const form = element('form', { method: 'dialog' }, heading, ...content, errorMessage, buttons)
  const dialog = element('dialog', { 'aria-labelledby': heading.id }, form)
  let isBusy = false

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  dialog.addEventListener('close', () => dialog.remove())

  async function submit(): Promise<void> {
    if (isBusy) return
    isBusy = true
    submitButton.setAttribute('aria-disabled', 'true')
    errorMessage.textContent = ''
    try {
      await onSubmit()
      dialog.close()
    } catch (error) {
      const problem = toProblem(error)
      if (problem.status === 401) {
        dialog.close()
        return onUnauthorized(problem)
      }
      errorMessage.textContent = problem.userMessage
    } finally {
      isBusy = false
      submitButton.removeAttribute('aria-disabled')
    }
  }

  document.body.append(dialog)
  dialog.showModal()
}

/** Closes open dialogs on navigation or when the account changes. */
export function closeDialogs(): void {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close()
}

/** A code snippet with a copy button. */
import { announce } from './live-region.ts'
import { button, element } from './dom.ts'
import { strings } from './strings.ts'

export interface Snippet {
  readonly label: string
  readonly code: string
}

const copiedMs = 2_000 // how long the button shows "Copied"

export function createCopySnippet({ label, code }: Snippet): HTMLElement {
  const codeElement = element('code', {}, code)
  const copy = button(strings.copy, () => void copyCode(), {
    class: 'secondary',
    'aria-label': strings.copyNamed(label),
  })

  async function copyCode(): Promise<void> {
    const message = await copyToClipboard(code, codeElement)
    announce(message)
    copy.textContent = message
    setTimeout(() => (copy.textContent = strings.copy), copiedMs)
  }

  return element(
    'li',
    {},
    element('p', { class: 'snippet-label' }, label),
    copy,
    element('pre', {}, codeElement),
  )
}

/** Selects the code for manual copying when the clipboard is not accessible. */
async function copyToClipboard(code: string, codeElement: HTMLElement): Promise<string> {
  try {
    await navigator.clipboard.writeText(code)
    return strings.copied
  } catch {
    getSelection()?.selectAllChildren(codeElement)
    return strings.copyFailed
  }
}

/** A line with a button that copies it. */
import { announce } from './live-region.ts'
import { button, element } from './dom.ts'
import { strings } from './strings.ts'

export interface Line {
  readonly label: string
  readonly line: string
}

const patience = 2_000 // how long a button says "Copied"

export function copyable({ label, line }: Line): HTMLElement {
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

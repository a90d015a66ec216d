/**
 * Menus: one at a time, in the browser's top layer, next to their button; a bottom sheet on a narrow
 * window. Arrows, Home and End move the focus; Escape and Tab close the menu.
 */
import { element } from './dom.ts'
import { icon } from './icons.ts'
import type { IconName } from './icons.ts'

export interface MenuItem {
  readonly label: string
  readonly icon: IconName
  /** A callback, or a link to open. */
  readonly action: (() => void) | { readonly href: string; readonly download?: boolean }
  readonly danger?: boolean
}

/** Text between the items: a heading, or the reason why an item is missing. */
export type MenuEntry = MenuItem | { readonly text: string | Node }

const menu = element('div', { class: 'menu', popover: 'auto', role: 'menu', tabindex: -1 })
let opener: HTMLElement | null = null
/** `scrollY` when the menu opened: it closes when its button scrolls away. */
let openedScrollY = 0
/** The button of the menu that was open on pointerdown, which closes the menu before the click event. */
let pressedOpener: HTMLElement | null = null

export const menuElement: Node = menu

/** Opens the menu of a button, or closes it when it is open. */
export function openMenu(button: HTMLElement, label: string, entries: readonly MenuEntry[]): void {
  if (pressedOpener === button) {
    pressedOpener = null
    return
  }
  menu.setAttribute('aria-label', label)
  menu.replaceChildren(...entries.map(entryElement))
  opener = button
  button.setAttribute('aria-expanded', 'true')
  openedScrollY = scrollY
  menu.showPopover()
  positionBeside(button)
  itemsOf(menu)[0]?.focus()
}

export function menuButton(attributes: Parameters<typeof element>[1], ...children: Node[]) {
  return element(
    'button',
    { type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false', ...attributes },
    ...children,
  )
}

function entryElement(entry: MenuEntry): HTMLElement {
  if ('text' in entry) {
    return element('div', { class: 'menu-text', role: 'presentation' }, entry.text)
  }
  const { label, action, danger = false } = entry
  const shared = {
    role: 'menuitem',
    tabindex: -1,
    class: danger ? 'menu-item danger' : 'menu-item',
  }
  const content = [icon(entry.icon), element('span', {}, label)]
  if (typeof action === 'function') {
    const item = element('button', { type: 'button', ...shared }, ...content)
    item.addEventListener('click', () => {
      menu.hidePopover()
      action()
    })
    return item
  }
  const linkAttributes = action.download === true ? { download: true } : newTabAttributes
  const link = element('a', { href: action.href, ...shared, ...linkAttributes }, ...content)
  link.addEventListener('click', () => menu.hidePopover())
  return link
}

const newTabAttributes = { target: '_blank', rel: 'noopener noreferrer' }

const itemsOf = (container: HTMLElement) => [
  ...container.querySelectorAll<HTMLElement>('[role=menuitem]'),
]

/** Places the menu below the button and aligned with its end, or above where the space does not suffice. */
function positionBeside(button: HTMLElement): void {
  const { top, bottom, right } = button.getBoundingClientRect()
  const { offsetWidth, offsetHeight } = menu
  const gap = 6
  const below = bottom + gap + offsetHeight <= innerHeight - gap
  const above = Math.max(gap, top - gap - offsetHeight)
  menu.style.setProperty('--menu-top', `${below ? bottom + gap : above}px`)
  const left = Math.min(right, document.documentElement.clientWidth - gap) - offsetWidth
  menu.style.setProperty('--menu-left', `${Math.max(gap, left)}px`)
}

menu.addEventListener('keydown', (event) => {
  const items = itemsOf(menu)
  const index = items.findIndex((item) => item === document.activeElement)
  const nextIndex = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: items.length - 1 }[
    event.key
  ]
  if (event.key === 'Tab') menu.hidePopover()
  if (nextIndex === undefined || items.length === 0) return
  event.preventDefault()
  items[(nextIndex + items.length) % items.length]?.focus()
})

menu.addEventListener('toggle', (event) => {
  if (event.newState !== 'closed') return
  opener?.setAttribute('aria-expanded', 'false')
  opener = null
})

document.addEventListener(
  'pointerdown',
  ({ target }) => {
    pressedOpener = target instanceof Node && opener?.contains(target) === true ? opener : null
  },
  { capture: true },
)
addEventListener('scroll', () => Math.abs(scrollY - openedScrollY) > 8 && menu.hidePopover())
addEventListener('resize', () => menu.hidePopover())

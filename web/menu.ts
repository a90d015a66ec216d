/**
 * Menus: one at a time, in the browser's top layer, beside the button that opens it; on a narrow
 * window a sheet at its foot. Arrows, Home and End move in it, Escape and Tab leave it.
 */
import { element } from './dom.ts'
import { icon } from './icons.ts'
import type { IconName } from './icons.ts'

export interface MenuItem {
  readonly label: string
  readonly icon: IconName
  /** What happens on choosing it: an address that opens, or something that is done. */
  readonly does: (() => void) | { readonly href: string; readonly download?: boolean }
  readonly danger?: boolean
}

/** Words between the items: a heading, or why something is not on offer. */
export type MenuEntry = MenuItem | { readonly words: string | Node }

const sheet = element('div', { class: 'menu', popover: 'auto', role: 'menu', tabindex: -1 })
let opener: HTMLElement | null = null
/** How far the page was scrolled then: away from its button the menu means nothing. */
let openedAt = 0
/** The opener of the menu that was open when a press began: the press closes it before it clicks. */
let pressed: HTMLElement | null = null

export const menuPlace: Node = sheet

/** Opens the menu of a button; a press on the button of the open one closes it. */
export function openMenu(of: HTMLElement, label: string, entries: readonly MenuEntry[]): void {
  if (pressed === of) {
    pressed = null
    return
  }
  sheet.setAttribute('aria-label', label)
  sheet.replaceChildren(...entries.map(entryElement))
  opener = of
  of.setAttribute('aria-expanded', 'true')
  openedAt = scrollY
  sheet.showPopover()
  placeBeside(of)
  itemsOf(sheet)[0]?.focus()
}

export function menuButton(attributes: Parameters<typeof element>[1], ...children: Node[]) {
  return element(
    'button',
    { type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false', ...attributes },
    ...children,
  )
}

function entryElement(entry: MenuEntry): HTMLElement {
  if ('words' in entry) {
    return element('div', { class: 'menu-words', role: 'presentation' }, entry.words)
  }
  const { label, does, danger = false } = entry
  const shared = {
    role: 'menuitem',
    tabindex: -1,
    class: danger ? 'menu-item danger' : 'menu-item',
  }
  const content = [icon(entry.icon), element('span', {}, label)]
  if (typeof does === 'function') {
    const item = element('button', { type: 'button', ...shared }, ...content)
    item.addEventListener('click', () => {
      sheet.hidePopover()
      does()
    })
    return item
  }
  const where = does.download === true ? { download: true } : outside
  const link = element('a', { href: does.href, ...shared, ...where }, ...content)
  link.addEventListener('click', () => sheet.hidePopover())
  return link
}

const outside = { target: '_blank', rel: 'noopener noreferrer' }

const itemsOf = (menu: HTMLElement) => [...menu.querySelectorAll<HTMLElement>('[role=menuitem]')]

/** Below the button and flush with its end, or above it where there is more room. */
function placeBeside(button: HTMLElement): void {
  const { top, bottom, right } = button.getBoundingClientRect()
  const { offsetWidth, offsetHeight } = sheet
  const gap = 6
  const below = bottom + gap + offsetHeight <= innerHeight - gap
  const above = Math.max(gap, top - gap - offsetHeight)
  sheet.style.setProperty('--menu-top', `${below ? bottom + gap : above}px`)
  const left = Math.min(right, document.documentElement.clientWidth - gap) - offsetWidth
  sheet.style.setProperty('--menu-left', `${Math.max(gap, left)}px`)
}

sheet.addEventListener('keydown', (event) => {
  const items = itemsOf(sheet)
  const at = items.findIndex((item) => item === document.activeElement)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key]
  if (event.key === 'Tab') sheet.hidePopover()
  if (to === undefined || items.length === 0) return
  event.preventDefault()
  items[(to + items.length) % items.length]?.focus()
})

sheet.addEventListener('toggle', (event) => {
  if (event.newState !== 'closed') return
  opener?.setAttribute('aria-expanded', 'false')
  opener = null
})

document.addEventListener(
  'pointerdown',
  ({ target }) => {
    pressed = target instanceof Node && opener?.contains(target) === true ? opener : null
  },
  { capture: true },
)
addEventListener('scroll', () => Math.abs(scrollY - openedAt) > 8 && sheet.hidePopover())
addEventListener('resize', () => sheet.hidePopover())

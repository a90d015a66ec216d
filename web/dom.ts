/** Builds DOM. Text only ever goes in as text, so nothing from the network can become markup. */

type Attributes = Readonly<Record<string, string | number | boolean | null>>
type Child = Node | string | null

/** `true` sets an empty attribute; `false` and `null` leave it out, a `null` child likewise. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue
    made.setAttribute(name, value === true ? '' : String(value))
  }
  made.append(...children.filter((child) => child !== null))
  return made
}

export function button(
  label: Child | Child[],
  press: (event: MouseEvent) => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  const made = element('button', { type: 'button', ...attributes }, ...[label].flat())
  made.addEventListener('click', press)
  return made
}

export function svg(viewBox: string, className: string, ...paths: Attributes[]): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg'
  const made = document.createElementNS(namespace, 'svg')
  made.setAttribute('viewBox', viewBox)
  made.setAttribute('class', className)
  made.setAttribute('aria-hidden', 'true')
  for (const attributes of paths) {
    const path = document.createElementNS(namespace, 'path')
    for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, String(value))
    made.append(path)
  }
  return made
}

/** DOM builders. Strings are inserted as text nodes, so data from the network never becomes markup. */

type Attributes = Readonly<Record<string, string | number | boolean | null>>
type Child = Node | string | null

/** Creates an element. `true` sets an empty attribute; `false`, `null` and `null` children are omitted. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue
    node.setAttribute(name, value === true ? '' : String(value))
  }
  node.append(...children.filter((child) => child !== null))
  return node
}

export function button(
  label: Child | Child[],
  onClick: (event: MouseEvent) => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  const node = element('button', { type: 'button', ...attributes }, ...[label].flat())
  node.addEventListener('click', onClick)
  return node
}

export function svg(viewBox: string, className: string, ...paths: Attributes[]): SVGSVGElement {
  const namespace = 'http://www.w3.org/2000/svg'
  const node = document.createElementNS(namespace, 'svg')
  node.setAttribute('viewBox', viewBox)
  node.setAttribute('class', className)
  node.setAttribute('aria-hidden', 'true')
  for (const attributes of paths) {
    const path = document.createElementNS(namespace, 'path')
    for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, String(value))
    node.append(path)
  }
  return node
}

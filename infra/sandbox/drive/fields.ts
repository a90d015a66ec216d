/** Field masks: `nextPageToken,files(id,owners/emailAddress)`, or `*` for all. */
import { invalidParameter } from './errors.ts'

/** The available fields: those of an object, whose field `*` stands for any key, or a plain value. */
export type Shape = { readonly [field: string]: Shape } | 'value'

/** The requested fields; `all` selects a field with its whole content. */
export type Mask = Map<string, Mask> | 'all'

/**
 * Parses a mask.
 *
 * @throws 400 for an unknown field or a syntax error
 */
export function readMask(text: string, shape: Shape): Mask {
  const tokens = text.match(/[\w*-]+|[^\s\w*-]/g) ?? []
  let position = 0

  const list = (of: Shape, closing: string | undefined): Mask => {
    let mask: Mask = new Map()
    for (;;) {
      mask = join(mask, selection(of))
      const next = tokens[position++]
      if (next === closing) return mask
      if (next !== ',') throw invalidSelection(next ?? text)
    }
  }
  const selection = (of: Shape): Mask => {
    const name = tokens[position++]
    if (name === '*') return 'all'
    if (name === undefined || !/^[\w-]+$/.test(name)) throw invalidSelection(name ?? text)
    const inner = innerShape(of, name)
    if (inner === undefined) throw invalidSelection(name)
    if (tokens[position] === '/') {
      position++
      return new Map([[name, selection(inner)]])
    }
    if (tokens[position] === '(') {
      position++
      return new Map([[name, list(inner, ')')]])
    }
    return new Map([[name, 'all']])
  }

  return list(shape, undefined)
}

/** Creates a mask of these fields, each with its whole content or with a mask of its own. */
export function maskOf(...fields: (string | [name: string, inner: Mask])[]): Mask {
  return new Map(fields.map((field) => (typeof field === 'string' ? [field, 'all'] : field)))
}

export function includesField(mask: Mask, field: string): boolean {
  return mask === 'all' || mask.has(field)
}

/** The mask inside a field. */
export function innerMask(mask: Mask, field: string): Mask {
  return mask === 'all' ? 'all' : (mask.get(field) ?? new Map())
}

/** Selects the requested fields of an object, or of each object of a list. */
export function applyMask(mask: Mask, value: unknown): unknown {
  if (mask === 'all' || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((entry) => applyMask(mask, entry))
  const selected: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value)) {
    if (mask.has(name)) selected[name] = applyMask(innerMask(mask, name), inner)
  }
  return selected
}

function innerShape(shape: Shape, field: string): Shape | undefined {
  if (shape === 'value') return undefined
  return Object.hasOwn(shape, field) ? shape[field] : shape['*']
}

function join(a: Mask, b: Mask): Mask {
  if (a === 'all' || b === 'all') return 'all'
  const joined = new Map(a)
  for (const [name, inner] of b) {
    const current = joined.get(name)
    joined.set(name, current ? join(current, inner) : inner)
  }
  return joined
}

function invalidSelection(field: string) {
  return invalidParameter('fields', `Invalid field selection ${field}`, 'invalidParameter')
}

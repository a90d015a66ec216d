/** `fields` masks: `nextPageToken,files(id,owners/emailAddress)`, and `*` for all. */
import { invalidParameter } from './errors.ts'

/** What may be asked for: an object's fields, a plain value, or a map with any keys. */
export type Shape = { readonly [field: string]: Shape } | 'value' | 'map'

/** What was asked for; `all` is a field with everything in it. */
export type Mask = Map<string, Mask> | 'all'

/**
 * Reads a mask.
 *
 * @throws 400 for a field that the resource does not have, and for what is no mask at all
 */
export function readMask(text: string, shape: Shape): Mask {
  const tokens = text.match(/[\w*-]+|[^\s\w*-]/g) ?? []
  let at = 0

  const list = (of: Shape, closing: string | undefined): Mask => {
    let mask: Mask = new Map()
    for (;;) {
      mask = join(mask, selection(of))
      const next = tokens[at++]
      if (next === closing) return mask
      if (next !== ',') throw invalidSelection(next ?? text)
    }
  }
  const selection = (of: Shape): Mask => {
    const name = tokens[at++]
    if (name === '*') return 'all'
    if (name === undefined || !/^[\w-]+$/.test(name)) throw invalidSelection(name ?? text)
    const inner = of === 'map' ? 'value' : of === 'value' ? undefined : of[name]
    if (inner === undefined) throw invalidSelection(name)
    if (tokens[at] === '/') {
      at++
      return new Map([[name, selection(inner)]])
    }
    if (tokens[at] === '(') {
      at++
      return new Map([[name, list(inner, ')')]])
    }
    return new Map([[name, 'all']])
  }

  return list(shape, undefined)
}

/** The mask that asks for these fields, each with everything in it. */
export function maskOf(...names: string[]): Mask {
  return new Map(names.map((name) => [name, 'all']))
}

export function wants(mask: Mask, field: string): boolean {
  return mask === 'all' || mask.has(field)
}

/** What is asked for inside a field. */
export function within(mask: Mask, field: string): Mask {
  return mask === 'all' ? 'all' : (mask.get(field) ?? new Map())
}

/** Leaves only what was asked for, in objects and in lists of them. */
export function applyMask(mask: Mask, value: unknown): unknown {
  if (mask === 'all' || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((entry) => applyMask(mask, entry))
  const kept: Record<string, unknown> = {}
  for (const [name, inner] of Object.entries(value)) {
    if (mask.has(name)) kept[name] = applyMask(within(mask, name), inner)
  }
  return kept
}

function join(one: Mask, other: Mask): Mask {
  if (one === 'all' || other === 'all') return 'all'
  const joined = new Map(one)
  for (const [name, inner] of other) {
    const known = joined.get(name)
    joined.set(name, known ? join(known, inner) : inner)
  }
  return joined
}

function invalidSelection(field: string) {
  return invalidParameter('fields', `Invalid field selection ${field}`, 'invalidParameter')
}

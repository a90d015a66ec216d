/**
 * Names of items: compared by their Unicode normal form, but stored as they came. The letter `é` may be
 * one code point (NFC, as Windows and Linux send it) or two (NFD, as macOS does).
 */

export function isSameName(one: string, other: string): boolean {
  return normalName(one) === normalName(other)
}

/** Returns the same string for all names that are the same. */
export function normalName(name: string): string {
  return name.normalize('NFC')
}

/** Lists the forms in which the same name may be stored. */
export function nameForms(name: string): string[] {
  return [...new Set([name, normalName(name), name.normalize('NFD')])]
}

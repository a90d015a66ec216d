/**
 * Searches of names. Drive's index knows words of letters and digits: it ignores every other character,
 * so that `'` finds all files, and refuses a text of quotation marks alone.
 */

/** Returns the words of a text that Drive's index knows, separated by spaces; none for `'`. */
export function indexedWords(search: string): string {
  return (search.normalize('NFC').match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).join(' ')
}

/**
 * Returns a predicate that a found name must satisfy: it has each typed word with its other characters,
 * such as `it's` or `C:\temp`. Words of letters and digits alone are left to Drive, which finds more than
 * equal text.
 */
export function createNameFilter(search: string): (name: string) => boolean {
  const words = search.split(/\s+/).filter((word) => indexedWords(word) !== word.normalize('NFC'))
  const folded = words.map(fold)
  return (name) => {
    const text = fold(name)
    return folded.every((word) => text.includes(word))
  }
}

/** Removes case and accents, which Drive's search ignores too. */
function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}

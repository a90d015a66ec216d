/** The field that searches while one types, and whether it looks in the open folder alone. */
import { element } from './dom.ts'
import { icon } from './icons.ts'
import type { FilesPlace, Search } from './route.ts'
import { strings } from './strings.ts'
import { folderOf } from './breadcrumbs.ts'

const patience = 300 // until somebody who types is taken to have paused

/** @param search called with `null` when the field was emptied */
export function createSearchBox(search: (wanted: Search | null) => void) {
  let shown: Search | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  const field = element('input', {
    type: 'search',
    name: 'q',
    maxlength: 200,
    'aria-label': strings.search,
    placeholder: strings.search,
    autocomplete: 'off',
    enterkeyhint: 'search',
  })
  const box = element('div', { class: 'search-field' }, icon('search'), field)
  const here = element('input', { type: 'checkbox' })
  const where = element('span')
  const choice = element('label', { class: 'search-here', hidden: true }, here, where)
  const form = element('form', { class: 'search', role: 'search' }, box, choice)

  function ask(): void {
    clearTimeout(timer)
    const words = field.value.trim()
    if (words === (shown?.words ?? '') && here.checked === (shown?.here ?? false)) return
    search(words === '' ? null : { words, here: here.checked })
  }

  field.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(ask, field.value === '' ? 0 : patience)
  })
  here.addEventListener('change', ask)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    ask()
  })

  return {
    element: form,
    /** Shows what is searched for, without disturbing somebody who types. */
    show({ trail, search: wanted }: FilesPlace): void {
      clearTimeout(timer)
      shown = wanted
      if (document.activeElement !== field) field.value = wanted?.words ?? ''
      const folder = folderOf(trail)
      choice.hidden = wanted === null || folder === null
      here.checked = wanted?.here ?? false
      where.replaceChildren(strings.searchHere(folder?.name ?? ''))
    },
  }
}

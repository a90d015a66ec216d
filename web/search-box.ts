/** The search box, which searches while typing, with a checkbox for the open folder only. */
import { element } from './dom.ts'
import { icon } from './icons.ts'
import type { FilesRoute, Search } from './route.ts'
import { strings } from './strings.ts'
import { currentFolder } from './breadcrumbs.ts'

const debounceMs = 300

/** @param onSearch called with `null` when the field is cleared */
export function createSearchBox(onSearch: (search: Search | null) => void) {
  let current: Search | null = null
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
  const folderCheckbox = element('input', { type: 'checkbox' })
  const folderLabel = element('span')
  const scopeLabel = element(
    'label',
    { class: 'search-scope', hidden: true },
    folderCheckbox,
    folderLabel,
  )
  const form = element('form', { class: 'search', role: 'search' }, box, scopeLabel)

  function submit(): void {
    clearTimeout(timer)
    const text = field.value.trim()
    if (
      text === (current?.text ?? '') &&
      folderCheckbox.checked === (current?.currentFolderOnly ?? false)
    )
      return
    onSearch(text === '' ? null : { text, currentFolderOnly: folderCheckbox.checked })
  }

  field.addEventListener('input', () => {
    clearTimeout(timer)
    timer = setTimeout(submit, field.value === '' ? 0 : debounceMs)
  })
  folderCheckbox.addEventListener('change', submit)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    submit()
  })

  return {
    element: form,
    /** Shows the route's search; leaves the text alone while the field has the focus. */
    show({ crumbs, search }: FilesRoute): void {
      clearTimeout(timer)
      current = search
      if (document.activeElement !== field) field.value = search?.text ?? ''
      const folder = currentFolder(crumbs)
      scopeLabel.hidden = search === null || folder === null
      folderCheckbox.checked = search?.currentFolderOnly ?? false
      folderLabel.replaceChildren(strings.searchCurrentFolder(folder?.name ?? ''))
    },
  }
}

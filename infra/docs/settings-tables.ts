/** The tables of docs/settings.md, from the list that the reader of the environment goes by. */
import { settings, settingWords } from '../../functions/config/settings.ts'
import type { Setting } from '../../functions/config/settings.ts'
import { table } from './table.ts'

export function settingsTable(kind: (typeof settings)[Setting]): string {
  const names = (Object.keys(settings) as Setting[]).filter((name) => settings[name] === kind)
  if (kind === 'required') {
    return table(
      ['Variable', 'Meaning', 'Example'],
      names.map((name) => [`\`${name}\``, settingWords[name].meaning, exampleCell(name)]),
    )
  }
  return table(
    ['Variable', 'Meaning', 'Unless set', 'Example'],
    names.map((name) => {
      const { meaning, otherwise = '' } = settingWords[name]
      return [`\`${name}\``, meaning, otherwise.replaceAll(/https:\S+/g, '`$&`'), exampleCell(name)]
    }),
  )
}

function exampleCell(name: Setting): string {
  return `\`${settingWords[name].example}\``
}

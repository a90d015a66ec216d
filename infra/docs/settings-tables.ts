/** Generates the tables of docs/settings.md from the setting definitions. */
import { settings, settingDocs } from '../../functions/config/settings.ts'
import type { Setting } from '../../functions/config/settings.ts'
import { table } from './table.ts'

export function settingsTable(kind: (typeof settings)[Setting]): string {
  const names = (Object.keys(settings) as Setting[]).filter((name) => settings[name] === kind)
  if (kind === 'required') {
    return table(
      ['Variable', 'Meaning', 'Example'],
      names.map((name) => [`\`${name}\``, settingDocs[name].description, exampleCell(name)]),
    )
  }
  return table(
    ['Variable', 'Meaning', 'Default', 'Example'],
    names.map((name) => {
      const { description, default: defaultValue = '' } = settingDocs[name]
      return [
        `\`${name}\``,
        description,
        defaultValue.replaceAll(/https:\S+/g, '`$&`'),
        exampleCell(name),
      ]
    }),
  )
}

function exampleCell(name: Setting): string {
  return `\`${settingDocs[name].example}\``
}

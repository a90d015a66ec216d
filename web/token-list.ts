/** The tokens that there are: what each may do, when it was last used, and the way to end it. */
import { announce } from './live-region.ts'
import { listTokens, revokeToken } from './api/client.ts'
import { openDialog } from './dialog.ts'
import { button, element } from './dom.ts'
import { formatBytes, formatMoment, formatSpan } from './format.ts'
import { icon } from './icons.ts'
import { skeleton } from './file-table.ts'
import { nameElement, visibleName } from './display-name.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { trouble } from './error-view.ts'
import type { Token } from './api/token-types.ts'

export function createTokenList(lost: (problem: Problem) => void) {
  const list = element('ul', { role: 'list', class: 'tokens' })
  const heading = element('h2', { id: 'tokens-title', tabindex: -1 }, strings.yourTokens)
  const place = element('div')
  const view = element('section', { class: 'card', 'aria-labelledby': heading.id }, heading, place)
  const none = element('p', { class: 'small' }, strings.noTokens)

  async function load(signal: AbortSignal): Promise<void> {
    place.replaceChildren(skeleton())
    try {
      const tokens = await listTokens(signal)
      list.replaceChildren(...tokens.map(tokenRow))
      rest()
    } catch (thrown) {
      if (signal.aborted) return
      const problem = asProblem(thrown)
      if (problem.status === 401) return lost(problem)
      place.replaceChildren(trouble(strings.tokensFailed, problem, () => void load(signal)))
    }
  }

  function rest(): void {
    place.replaceChildren(list.childElementCount === 0 ? none : list)
  }

  function tokenRow(token: Token): HTMLElement {
    const name = visibleName(token.name)
    const row = element(
      'li',
      { class: 'token' },
      element('span', { class: 'symbol' }, icon('key')),
      element(
        'div',
        { class: 'token-words' },
        element('h3', {}, nameElement(token.name)),
        element('p', { class: 'small' }, ...rights(token)),
        element('p', { class: 'small' }, use(token)),
      ),
      button(strings.revoke, () => askToRevoke(token, row), {
        class: 'quiet danger',
        'aria-label': strings.revokeNamed(name),
      }),
    )
    return row
  }

  function askToRevoke(token: Token, row: HTMLElement): void {
    const name = visibleName(token.name)
    openDialog({
      title: strings.revokeTitle(name),
      content: [element('p', {}, strings.revokeWords)],
      action: strings.revoke,
      danger: true,
      async act() {
        await revokeToken(token.id)
        row.remove()
        rest()
        announce(strings.revoked(name))
        heading.focus()
      },
      lost,
    })
  }

  return {
    element: view,
    load,
    add(token: Token): void {
      list.prepend(tokenRow(token))
      rest()
    },
  }
}

function rights({ scopes, folder, maxBytes, maxFiles, usedBytes, usedFiles }: Token) {
  const parts = [
    scopes.map((scope) => strings.scopesShort[scope]).join(', '),
    folder === null ? '' : strings.onlyIn(visibleName(folder.name)),
    maxBytes === null ? '' : strings.usedOf(formatBytes(usedBytes), formatBytes(maxBytes)),
    maxFiles === null ? '' : strings.filesOf(usedFiles, maxFiles),
  ]
  return [parts.filter((part) => part !== '').join(' · ')]
}

function use({ lastUsed, expires }: Token): HTMLElement {
  const used = lastUsed === null ? strings.neverUsed : strings.lastUsed(formatSpan(lastUsed))
  const ends = expires === null ? '' : strings.ends(formatSpan(expires))
  const title = expires === null ? null : strings.tokenExpires(formatMoment(expires))
  return element('span', { title }, [used, ends].filter((part) => part !== '').join(' · '))
}

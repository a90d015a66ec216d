/** The list of tokens: permissions, usage and a revoke button. */
import { announce } from './live-region.ts'
import { listTokens, revokeToken } from './api/client.ts'
import { openDialog } from './dialog.ts'
import { button, element } from './dom.ts'
import { formatBytes, formatDateTime, formatRelative } from './format.ts'
import { icon } from './icons.ts'
import { loadingSkeleton } from './file-table.ts'
import { nameElement, visibleName } from './display-name.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { errorView } from './error-view.ts'
import type { Token } from './api/token-types.ts'

export function createTokenList(onUnauthorized: (problem: Problem) => void) {
  const list = element('ul', { role: 'list', class: 'tokens' })
  const heading = element('h2', { id: 'tokens-title', tabindex: -1 }, strings.yourTokens)
  const container = element('div')
  const view = element(
    'section',
    { class: 'card', 'aria-labelledby': heading.id },
    heading,
    container,
  )
  const emptyMessage = element('p', { class: 'small' }, strings.noTokens)

  async function load(signal: AbortSignal): Promise<void> {
    container.replaceChildren(loadingSkeleton())
    try {
      const tokens = await listTokens(signal)
      list.replaceChildren(...tokens.map(tokenRow))
      showList()
    } catch (error) {
      if (signal.aborted) return
      const problem = toProblem(error)
      if (problem.status === 401) return onUnauthorized(problem)
      container.replaceChildren(errorView(strings.tokensFailed, problem, () => void load(signal)))
    }
  }

  function showList(): void {
    container.replaceChildren(list.childElementCount === 0 ? emptyMessage : list)
  }

  function tokenRow(token: Token): HTMLElement {
    const name = visibleName(token.name)
    const row = element(
      'li',
      { class: 'token' },
      element('span', { class: 'icon-tile' }, icon('key')),
      element(
        'div',
        { class: 'token-details' },
        element('h3', {}, nameElement(token.name)),
        element('p', { class: 'small' }, ...permissionText(token)),
        element('p', { class: 'small' }, usageText(token)),
      ),
      button(strings.revoke, () => openRevokeDialog(token, row), {
        class: 'secondary danger',
        'aria-label': strings.revokeNamed(name),
      }),
    )
    return row
  }

  function openRevokeDialog(token: Token, row: HTMLElement): void {
    const name = visibleName(token.name)
    openDialog({
      title: strings.revokeTitle(name),
      content: [element('p', {}, strings.revokeText)],
      action: strings.revoke,
      danger: true,
      async onSubmit() {
        await revokeToken(token.id)
        row.remove()
        showList()
        announce(strings.revoked(name))
        heading.focus()
      },
      onUnauthorized,
    })
  }

  return {
    element: view,
    load,
    add(token: Token): void {
      list.prepend(tokenRow(token))
      showList()
    },
  }
}

function permissionText({ scopes, folder, maxBytes, maxFiles, usedBytes, usedFiles }: Token) {
  const parts = [
    scopes.map((scope) => strings.scopesShort[scope]).join(', '),
    folder === null ? '' : strings.onlyIn(visibleName(folder.name)),
    maxBytes === null ? '' : strings.bytesUsed(formatBytes(usedBytes), formatBytes(maxBytes)),
    maxFiles === null ? '' : strings.filesUsed(usedFiles, maxFiles),
  ]
  return [parts.filter((part) => part !== '').join(' · ')]
}

function usageText({ lastUsed, expires }: Token): HTMLElement {
  const used = lastUsed === null ? strings.neverUsed : strings.lastUsed(formatRelative(lastUsed))
  const expiry = expires === null ? '' : strings.expires(formatRelative(expires))
  const title = expires === null ? null : strings.tokenExpires(formatDateTime(expires))
  return element('span', { title }, [used, expiry].filter((part) => part !== '').join(' · '))
}

/** The tokens view: creates, lists and revokes tokens for curl, scripts and CI; lists and ends sessions. */
import { createCopySnippet } from './copy-snippet.ts'
import { curlCommands } from './curl-commands.ts'
import { element } from './dom.ts'
import { formatDateTime } from './format.ts'
import { gateway } from './api/gateway-fetch.ts'
import { routeLink } from './links.ts'
import { visibleName } from './display-name.ts'
import { folderRoute } from './route.ts'
import type { Route } from './route.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { createSessionList } from './session-list.ts'
import { createTokenForm } from './token-form.ts'
import { createTokenList } from './token-list.ts'
import { currentFolder, currentFolderName } from './breadcrumbs.ts'
import type { Breadcrumbs } from './breadcrumbs.ts'
import type { CreatedToken } from './api/token-types.ts'

export interface TokensViewOptions {
  /** The path of the folder that was open before. */
  readonly crumbs: Breadcrumbs
  readonly navigate: (route: Route) => void
  readonly onUnauthorized: (problem: Problem) => void
}

export function createTokensView({ crumbs, navigate, onUnauthorized }: TokensViewOptions) {
  const loading = new AbortController()
  const heading = element('h1', { tabindex: -1 }, strings.tokens)
  const back = routeLink(
    folderRoute(crumbs),
    navigate,
    'crumb',
    strings.backTo(currentFolderName(crumbs)),
  )
  const result = element('div', { class: 'token-result', hidden: true })
  const list = createTokenList(onUnauthorized)
  const form = createTokenForm(crumbs, show, onUnauthorized)
  const formSection = element(
    'section',
    { class: 'card', 'aria-labelledby': 'token-form-title' },
    element('h2', { id: 'token-form-title' }, strings.newToken),
    form,
    result,
  )
  const sessions = createSessionList(onUnauthorized)
  void list.load(loading.signal)
  void sessions.load(loading.signal)

  function show(token: CreatedToken): void {
    const title = element('h3', { tabindex: -1 }, strings.tokenCreated(visibleName(token.name)))
    const expiry = token.expires === null ? '' : strings.tokenExpires(formatDateTime(token.expires))
    const snippets = [
      { label: strings.token, code: token.secret },
      ...curlCommands(gateway, token, currentFolder(crumbs)?.id ?? null),
    ]
    result.replaceChildren(
      title,
      element('p', {}, `${strings.tokenShownOnce} ${expiry}`.trim()),
      element('ul', { role: 'list', class: 'snippets' }, ...snippets.map(createCopySnippet)),
    )
    result.hidden = false
    list.add(token)
    title.focus({ preventScroll: true })
    title.scrollIntoView({ block: 'start' })
  }

  return {
    element: element(
      'div',
      { class: 'view' },
      element(
        'div',
        { class: 'view-title' },
        element('nav', { class: 'breadcrumbs' }, back),
        heading,
      ),
      element('p', { class: 'view-intro' }, strings.tokensAbout),
      formSection,
      list.element,
      sessions.element,
    ),
    focus: () => heading.focus(),
    close: () => loading.abort(),
  }
}

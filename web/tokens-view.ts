/** Tokens for curl, scripts and CI: made, shown once, listed, ended. */
import { copyable } from './copy-snippet.ts'
import { curlLines } from './curl-commands.ts'
import { element } from './dom.ts'
import { formatMoment } from './format.ts'
import { gateway } from './api/gateway-fetch.ts'
import { placeLink } from './links.ts'
import { visibleName } from './display-name.ts'
import { inFolder } from './route.ts'
import type { Place } from './route.ts'
import type { Problem } from './api/problem.ts'
import { strings } from './strings.ts'
import { createTokenForm } from './token-form.ts'
import { createTokenList } from './token-list.ts'
import { folderOf, nameOf } from './breadcrumbs.ts'
import type { Trail } from './breadcrumbs.ts'
import type { MadeToken } from './api/token-types.ts'

export interface TokensViewOptions {
  /** The folder that the person came from. */
  readonly trail: Trail
  readonly go: (place: Place) => void
  readonly lost: (problem: Problem) => void
}

export function createTokensView({ trail, go, lost }: TokensViewOptions) {
  const loading = new AbortController()
  const heading = element('h1', { tabindex: -1 }, strings.tokens)
  const back = placeLink(inFolder(trail), go, 'crumb', strings.backTo(nameOf(trail)))
  const outcome = element('div', { class: 'token-outcome', hidden: true })
  const list = createTokenList(lost)
  const form = createTokenForm(trail, show, lost)
  const maker = element(
    'section',
    { class: 'card', 'aria-labelledby': 'token-form-title' },
    element('h2', { id: 'token-form-title' }, strings.newToken),
    form,
    outcome,
  )
  void list.load(loading.signal)

  function show(token: MadeToken): void {
    const title = element('h3', { tabindex: -1 }, strings.tokenMade(visibleName(token.name)))
    const ends = token.expires === null ? '' : strings.tokenExpires(formatMoment(token.expires))
    const lines = [
      { label: strings.token, line: token.secret },
      ...curlLines(gateway, token, folderOf(trail)?.id ?? null),
    ]
    outcome.replaceChildren(
      title,
      element('p', {}, `${strings.tokenOnce} ${ends}`.trim()),
      element('ul', { role: 'list', class: 'lines' }, ...lines.map(copyable)),
    )
    outcome.hidden = false
    list.add(token)
    title.focus({ preventScroll: true })
    title.scrollIntoView({ block: 'start' })
  }

  return {
    element: element(
      'div',
      { class: 'browse' },
      element('div', { class: 'head-words' }, element('nav', { class: 'crumbs' }, back), heading),
      element('p', { class: 'about' }, strings.tokensAbout),
      maker,
      list.element,
    ),
    focus: () => heading.focus(),
    close: () => loading.abort(),
  }
}

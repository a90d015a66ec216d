/** The pages: account chooser, consent and error. They have no scripts, images or Google branding. */
import type { ServerResponse } from 'node:http'
import type { OAuthUser } from './clients.ts'
import type { AccessBlocked } from './errors.ts'
import { style } from './page-style.ts'
import type { AuthorizationRequest } from './request.ts'
import { describeScope, isSignInScope } from './scopes.ts'

/** Escaped markup. */
interface Html {
  html: string
}
type HtmlPart = string | Html | HtmlPart[]

function html(strings: TemplateStringsArray, ...parts: HtmlPart[]): Html {
  return { html: strings.reduce((text, next, index) => text + render(parts[index - 1]) + next) }
}

function render(part: HtmlPart = ''): string {
  if (Array.isArray(part)) return part.map(render).join('')
  if (typeof part === 'object') return part.html
  return part.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

export function sendPage(res: ServerResponse, status: number, page: Html): void {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(page.html),
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  res.end(page.html)
}

export function chooserPage(request: AuthorizationRequest, users: readonly OAuthUser[]): Html {
  return layout(
    'Choose an account',
    html`<p class="lead">to continue to <b>${appName(request)}</b></p>
      <form method="post">
        <ul class="accounts">
          ${users.map(
            (user, index) =>
              html`<li>
                <button name="authuser" value="${String(index)}">${account(user)}</button>
              </li>`,
          )}
        </ul>
      </form>`,
  )
}

/**
 * @param requested scopes to grant; sign-in scopes have no checkbox
 * @param alreadyGranted scopes of earlier grants
 */
export function consentPage(
  request: AuthorizationRequest,
  users: readonly OAuthUser[],
  authuser: number,
  requested: string[],
  alreadyGranted: string[],
): Html {
  const signIn = requested.filter(isSignInScope)
  const choices = requested.filter((scope) => !isSignInScope(scope))
  return layout(
    html`<b>${appName(request)}</b> wants to access your account`,
    html`<form method="post" class="account">
        ${account(users[authuser])}
        ${users.length > 1 ? html`<button name="authuser" value="">Change</button>` : ''}
      </form>
      <form method="post">
        <input type="hidden" name="authuser" value="${String(authuser)}" />
        ${choices.length > 0 ? checkboxes(choices) : ''}
        ${signIn.length > 0 ? list('Required for sign-in', signIn) : ''}
        ${alreadyGranted.length > 0 ? list('Already granted', alreadyGranted) : ''}
        <p class="actions">
          <button class="primary" name="decision" value="continue">Continue</button>
          <button class="secondary" name="decision" value="cancel">Cancel</button>
        </p>
      </form>
      <p class="note">Both choices return you to <b>${new URL(request.redirectUri).host}</b>.</p>`,
  )
}

export function blockedPage({ status, error, message }: AccessBlocked): Html {
  return layout(
    'Access blocked',
    html`<p class="lead">
        The app’s authorization request is invalid. No access was granted, and the app was not
        notified.
      </p>
      <p class="error"><b>Error ${String(status)}: ${error}</b><br />${message}</p>`,
  )
}

function checkboxes(scopes: string[]): Html {
  return html`<fieldset>
    <legend>Select what this app can access</legend>
    ${scopes.map(
      (scope) =>
        html`<label>
          <input type="checkbox" name="scope" value="${scope}" checked />
          <span>${describeScope(scope) ?? ''}<small>${scope.split('/').at(-1) ?? ''}</small></span>
        </label>`,
    )}
  </fieldset>`
}

function list(title: string, scopes: string[]): Html {
  const items = scopes.map((scope) => html`<li>${describeScope(scope) ?? scope}</li>`)
  return html`<div class="list">
    <h2>${title}</h2>
    <ul>
      ${items}
    </ul>
  </div>`
}

function account({ name, email }: OAuthUser = { sub: '', email: '', name: '' }): Html {
  return html`<span class="avatar" aria-hidden="true">${name.slice(0, 1)}</span
    ><span class="account-name">${name}<small>${email}</small></span>`
}

function layout(title: string | Html, content: Html): Html {
  const plain = render(title).replace(/<[^>]*>/g, '')
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${{ html: plain }} · Sandbox</title>
        <style>
          ${{ html: style }}
        </style>
      </head>
      <body>
        <p class="banner">Local sandbox, not Google. Test accounts only.</p>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`
}

function appName({ client }: AuthorizationRequest): string {
  return client.name ?? client.client_id
}

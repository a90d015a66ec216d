/** A problem as an HTML page, for a browser that navigated to a function. */
import { createHash } from 'node:crypto'

export interface ProblemPageContent {
  title: string
  detail?: string | undefined
  /** Path where the user can try again; `/auth` by default. */
  link?: string | undefined
  /** URL that the user has to open in another browser; replaces the links. */
  externalUrl?: string | undefined
  requestId: string
}

// The colors of web/styles/tokens.css, for light and dark mode.
const style = `
:root{color-scheme:light dark;--ground:#f5f7f4;--ink:#19201c;--muted:#56615a;--accent:#17694f;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#111513;--ink:#e6ece8;--muted:#9daaa2;--accent:#7ad3b0;--on:#08261b}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
main{max-width:40rem;margin:0 auto;padding:max(2rem,14vh) 1.5rem 3rem}
svg{width:2.75rem;height:2.75rem}
h1{margin:1.25rem 0 .5rem;font-size:clamp(1.5rem,1.2rem + 1.5vw,2.125rem);line-height:1.25;letter-spacing:-.015em;text-wrap:pretty}
p{margin:0;color:var(--muted)}
nav{display:flex;flex-wrap:wrap;gap:.75rem;margin:2rem 0}
a{display:inline-flex;align-items:center;min-height:3rem;padding:.5rem 1.25rem;border:1px solid var(--accent);border-radius:12px;color:var(--accent);font-weight:600;text-decoration:none}
a:first-child{background:var(--accent);color:var(--on)}
code{display:block;margin:1.5rem 0;padding:1rem;border:1px solid var(--accent);border-radius:12px;overflow-wrap:anywhere;user-select:all;-webkit-user-select:all}
a:focus-visible{outline:2px solid var(--accent);outline-offset:3px}
small{color:var(--muted);overflow-wrap:anywhere}`

export const problemPagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join('; ')

const mark = `<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="var(--accent)"/><path d="M12.6 7h6.8L26 26H6z" fill="var(--on)"/><path d="M16 9.5v3M16 15.5V19M16 22v4" fill="none" stroke="var(--accent)" stroke-width="2"/></svg>`

/** Renders the page. Of the request it contains at most the URL of a sign-in. */
export function problemPage({
  title,
  detail,
  link = '/auth',
  externalUrl,
  requestId,
}: ProblemPageContent): string {
  const next =
    externalUrl === undefined
      ? `<nav aria-label="Next steps"><a href="${escapeHtml(link)}">Sign in with Google</a><a href="/">Back to Driveway</a></nav>`
      : `<code>${escapeHtml(externalUrl)}</code>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Driveway</title><style>${style}</style></head>
<body><main>${mark}<h1>${title}</h1>${detail === undefined ? '' : `<p>${escapeHtml(detail)}</p>`}
${next}
<small>Request ${requestId}</small></main></body></html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

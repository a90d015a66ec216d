/** Driveway's page: asks who is signed in, and shows what that person gets. */
import { announcer } from './announce.ts'
import { endSession, getSession } from './api.ts'
import { createBrowseView } from './browse-view.ts'
import type { BrowseView } from './browse-view.ts'
import { acceptDrops } from './drop.ts'
import { button, element } from './element.ts'
import { mark } from './icons.ts'
import { folderLink } from './links.ts'
import { skeleton } from './listing.ts'
import { asProblem } from './problem.ts'
import type { Problem } from './problem.ts'
import { strings } from './strings.ts'
import { addressOf, forgetTrails, nameOf, readTrail, rememberTrail } from './trail.ts'
import type { Trail } from './trail.ts'
import { dismissNotices, notices, notify, trouble } from './trouble.ts'
import { createUploadsView } from './uploads-view.ts'
import { reconnectView, signInView } from './welcome.ts'
import type { SignedIn } from './wire.ts'

const account = element('div', { class: 'account' })
const main = element('main', { id: 'main', tabindex: -1 })
const uploads = createUploadsView({
  stored: (file, trail) => browsing?.add(file, trail),
  lost: (problem) => void start(problem),
})
let asked = 0
let browsing: BrowseView | null = null
let lastAccount: string | null = null

/** Signed in again in another tab: what waited goes on. */
async function lookAgain(): Promise<void> {
  if (document.hidden || browsing !== null) return
  const turn = ++asked
  const session = await getSession().catch(() => null)
  if (turn === asked && session !== null && session.dead === null) showAccount(session)
}

/** @param because the 401 that made the page ask again */
async function start(because: Problem | null = null): Promise<void> {
  const turn = ++asked // only the last answer counts
  try {
    const session = await getSession()
    if (turn !== asked) return
    if (session === null || (because !== null && session.dead === null)) showSignIn(because)
    else showAccount(session)
  } catch (thrown) {
    if (turn !== asked) return
    leave()
    const problem = asProblem(thrown)
    main.replaceChildren(trouble(problem.title, problem, () => void start(because)))
  }
}

function showSignIn(because: Problem | null): void {
  leave()
  account.replaceChildren()
  uploads.pause(true)
  const view = signInView(readTrail(location.search), because, uploads.busy)
  if (!uploads.empty) view.lastElementChild?.before(uploads.element)
  main.replaceChildren(view)
}

function showAccount(session: SignedIn): void {
  leave()
  if (lastAccount !== null && lastAccount !== session.email) forgetAccount()
  lastAccount = session.email
  account.replaceChildren(
    element('p', {}, session.email),
    button(strings.signOut, () => void signOut(), { class: 'quiet' }),
  )
  if (session.dead !== null) {
    uploads.pause(true)
    return main.replaceChildren(reconnectView(readTrail(location.search), session.dead))
  }
  uploads.limitTo(session)
  browsing = createBrowseView(session, uploads, { open, lost: (problem) => void start(problem) })
  main.replaceChildren(browsing.element)
  browsing.show(readTrail(location.search))
  uploads.pause(false)
}

function leave(): void {
  browsing?.close()
  browsing = null
  document.title = 'Driveway'
}

function forgetAccount(): void {
  forgetTrails()
  uploads.drop()
}

async function signOut(): Promise<void> {
  if (uploads.busy && !confirm(strings.signOutWhileUploading)) return
  try {
    await endSession()
  } catch (thrown) {
    const problem = asProblem(thrown)
    if (problem.status !== 401) return notify(problem.words)
  }
  forgetAccount()
  lastAccount = null
  dismissNotices()
  history.replaceState(null, '', '/')
  showSignIn(null)
  main.querySelector('h1')?.focus()
}

function open(trail: Trail): void {
  rememberTrail(trail)
  history.pushState(null, '', addressOf(trail))
  arrive(trail)
  scrollTo(0, 0)
}

function goHome(root: Trail): void {
  if (browsing === null) location.assign('/')
  else open(root)
}

function arrive(trail: Trail): void {
  dismissNotices()
  browsing?.show(trail)
  browsing?.focus()
}

function begin(): void {
  const skip = element('a', { class: 'skip', href: '#main' }, strings.skip)
  skip.addEventListener('click', (event) => {
    event.preventDefault() // the address is the folder's, and Back leads to folders only
    main.focus()
  })
  const brand = folderLink([], goHome, 'brand', mark(), element('span', {}, 'Driveway'))
  const header = element('header', {}, brand, account)
  document.body.append(skip, header, notices, main, announcer)
  main.replaceChildren(skeleton())
  acceptDrops({
    invite: () => (browsing === null ? null : strings.dropHere(nameOf(browsing.trail))),
    dropped(files, folders) {
      if (browsing !== null) uploads.add(files, browsing.trail)
      if (folders > 0) notify(strings.noFolders)
    },
  })
  void start()
}

addEventListener('popstate', () => arrive(readTrail(location.search)))
addEventListener('beforeunload', (event) => {
  if (uploads.busy) event.preventDefault()
})
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void start() // out of the back-forward cache: the session may be another by now
})
document.addEventListener('visibilitychange', () => void lookAgain())
begin()

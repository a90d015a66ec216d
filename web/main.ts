/** Driveway's page: asks who is signed in, and shows what that person gets. */
import { accountButton } from './account-menu.ts'
import { askAhead, beKnown, isKnown } from './api/prefetch.ts'
import { announcer } from './live-region.ts'
import { endGrant, endSession, filesPath, getSession, sessionPath } from './api/client.ts'
import { createDeviceView } from './device-view.ts'
import { closeDialogs } from './dialog.ts'
import { element } from './dom.ts'
import { queryFor } from './file-list.ts'
import { createFilesView } from './files-view.ts'
import type { FilesView } from './files-view.ts'
import { forgetCredential } from './api/gateway-fetch.ts'
import { mark } from './icons.ts'
import { placeLink } from './links.ts'
import { skeleton } from './file-table.ts'
import { menuPlace } from './menu.ts'
import { addressOf, inFolder, readPlace } from './route.ts'
import type { FilesPlace, Place } from './route.ts'
import { asProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { readSort } from './sort.ts'
import { strings } from './strings.ts'
import { createTokensView } from './tokens-view.ts'
import { folderOf, forgetTrails, nameOf, rememberTrail } from './breadcrumbs.ts'
import { dismissNotices, notices, notify, trouble } from './error-view.ts'
import { createUploads } from './uploads.ts'
import { reasonOf, reconnectView, signInView } from './sign-in-view.ts'
import type { SignedIn } from './api/types.ts'

let place = readPlace(location)
askAhead(sessionPath)
if (isKnown() && place.view === 'files') askAhead(filesPath(queryFor(place, readSort())))

/** What is shown of a place that is no list of files. */
interface View {
  readonly element: HTMLElement
  focus(): void
  close(): void
}

const account = element('div', { class: 'account' })
const main = element('main', { id: 'main', tabindex: -1 })
const uploads = createUploads({
  target() {
    const trail = files?.target ?? null
    if (trail === null || view !== files) return null
    return { id: folderOf(trail)?.id ?? null, name: nameOf(trail) }
  },
  stored: (file, { target, path }) => files?.added(file, target.id, path),
  made: (path, target) => files?.grown(target.id, path),
  lost,
  failed: ({ words }) => notify(words),
})
let asked = 0
let session: SignedIn | null = null
let lastAccount: string | null = null
/** Stays while the person looks at other places, with the uploads in it. */
let files: FilesView | null = null
let view: View | null = null
/** Whether the way back was taken by emptying the field for searching, which keeps the focus. */
let isTyping = false

/** Milliseconds that the first list has the network and the processor to itself. */
const untilUploads = 500

/** Marks an entry of the history that was added for a search. */
const searching = 'search'

function lost(problem: Problem): void {
  void start(problem)
}

/** Signed in again in another tab: what waited goes on. */
async function lookAgain(): Promise<void> {
  if (document.hidden || session !== null) return
  const turn = ++asked
  const found = await getSession().catch(() => null)
  if (turn === asked && found !== null && found.broken === null) showAccount(found)
}

/** @param because the 401 that made the page ask again */
async function start(because: Problem | null = null): Promise<void> {
  const turn = ++asked // only the last answer counts
  try {
    const found = await getSession()
    if (turn !== asked) return
    if (found === null || (because !== null && found.broken === null)) {
      showSignIn(because === null ? null : reasonOf(because))
    } else showAccount(found)
  } catch (thrown) {
    if (turn !== asked) return
    const problem = asProblem(thrown)
    if (problem.code === 'account_not_allowed') return showSignIn(problem.words)
    leave()
    main.replaceChildren(trouble(problem.title, problem, () => void start(because)))
  }
}

function showSignIn(reason: string | null): void {
  leave()
  beKnown(false)
  forgetCredential()
  account.replaceChildren()
  uploads.pause(true)
  const welcome = signInView({ place, reason, uploading: uploads.busy })
  if (!uploads.empty) welcome.lastElementChild?.before(uploads.element)
  main.replaceChildren(welcome)
}

function showAccount(found: SignedIn): void {
  leave()
  const { email, broken } = found
  if (lastAccount !== null && lastAccount !== email) forgetAccount()
  lastAccount = email
  beKnown(broken === null)
  account.replaceChildren(
    accountButton({ email, go, signOut: () => void signOut(), disconnect, lost }),
  )
  if (broken !== null) {
    uploads.pause(true)
    return main.replaceChildren(reconnectView(place, broken))
  }
  session = found
  uploads.become(found)
  show()
  uploads.pause(false)
}

function leave(): void {
  files?.close()
  view?.close()
  files = null
  view = null
  session = null
  closeDialogs()
  document.title = 'Driveway'
}

function show(): void {
  if (session === null) return
  if (view !== files) view?.close()
  if (place.view === 'files') {
    files ??= createFilesView({ session, uploads, go, refine, lost })
    if (view !== files) main.replaceChildren(files.element)
    files.show(place)
    view = files
    setTimeout(() => void uploads.prepare(), untilUploads)
    return
  }
  view =
    place.view === 'tokens'
      ? createTokensView({ trail: place.trail, go, lost })
      : createDeviceView({ code: place.code, email: session.email, lost })
  document.title = strings.titleOf(place.view === 'tokens' ? strings.tokens : strings.deviceTitle)
  main.replaceChildren(view.element)
}

function go(wanted: Place): void {
  if (session === null) return location.assign(addressOf(wanted))
  if (wanted.view === 'files') rememberTrail(wanted.trail)
  history.pushState(null, '', addressOf(wanted))
  arrive(wanted)
  scrollTo(0, 0)
}

/** Searching is one step of the way, however many letters were typed; without words it is undone. */
function refine(wanted: FilesPlace): void {
  const isSearching = place.view === 'files' && place.search !== null
  if (wanted.search === null && history.state === searching) {
    isTyping = true
    return history.back()
  }
  if (isSearching) history.replaceState(history.state, '', addressOf(wanted))
  else history.pushState(searching, '', addressOf(wanted))
  place = wanted
  show()
}

function goBackTo(wanted: Place): void {
  if (!isTyping) return arrive(wanted)
  isTyping = false
  place = wanted
  show()
}

function arrive(wanted: Place): void {
  dismissNotices()
  closeDialogs()
  place = wanted
  show()
  view?.focus()
}

function forgetAccount(): void {
  forgetTrails()
  void uploads.forget()
}

async function signOut(): Promise<void> {
  if (uploads.busy && !confirm(strings.signOutWhileUploading)) return
  await uploads.forget() // what it has begun at Drive is cleared away while it may
  try {
    await endSession()
  } catch (thrown) {
    const problem = asProblem(thrown)
    if (session !== null) uploads.become(session)
    if (problem.status !== 401) return void notify(problem.words)
  }
  depart(null)
}

async function disconnect(): Promise<void> {
  await uploads.forget()
  if (session !== null) uploads.become(session)
  await endGrant()
  depart(strings.disconnected)
}

/** Nothing of the person stays. */
function depart(words: string | null): void {
  forgetAccount()
  lastAccount = null
  dismissNotices()
  place = inFolder([])
  history.replaceState(null, '', '/')
  showSignIn(words)
  main.querySelector('h1')?.focus()
}

function begin(): void {
  const skip = element('a', { class: 'skip', href: '#main' }, strings.skip)
  skip.addEventListener('click', (event) => {
    event.preventDefault() // the address is the folder's, and Back leads to folders only
    main.focus()
  })
  const brand = placeLink(inFolder([]), go, 'brand', mark(), element('span', {}, 'Driveway'))
  const header = element('header', {}, brand, account, menuPlace)
  document.body.append(skip, header, notices, main, announcer)
  main.replaceChildren(skeleton())
  void start()
}

addEventListener('popstate', () => goBackTo(readPlace(location)))
addEventListener('beforeunload', (event) => {
  if (uploads.isFragile) event.preventDefault()
})
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void start() // out of the back-forward cache: the session may be another by now
})
document.addEventListener('visibilitychange', () => void lookAgain())
begin()

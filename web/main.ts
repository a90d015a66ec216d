/** The page's entry point: loads the session, renders the views and handles navigation. */
import { createAccountMenu } from './account-menu.ts'
import { prefetch, setReturningUser, isReturningUser } from './api/prefetch.ts'
import { liveRegion } from './live-region.ts'
import { deleteGrant, deleteSession, filesPath, getSession, sessionPath } from './api/client.ts'
import { createDeviceView } from './device-view.ts'
import { closeDialogs } from './dialog.ts'
import { element } from './dom.ts'
import { queryFor } from './file-list.ts'
import { createFilesView } from './files-view.ts'
import type { FilesView } from './files-view.ts'
import { clearCredential, gatewayPage } from './api/gateway-fetch.ts'
import { logo } from './icons.ts'
import { routeLink } from './links.ts'
import { loadingSkeleton } from './file-table.ts'
import { menuElement } from './menu.ts'
import { formatRoute, folderRoute, parseRoute } from './route.ts'
import type { FilesRoute, Route } from './route.ts'
import { toProblem } from './api/problem.ts'
import type { Problem } from './api/problem.ts'
import { loadSort } from './sort.ts'
import { strings } from './strings.ts'
import { createTokensView } from './tokens-view.ts'
import {
  currentFolder,
  clearBreadcrumbs,
  currentFolderName,
  saveBreadcrumbs,
} from './breadcrumbs.ts'
import { errorView } from './error-view.ts'
import { dismissNotices, noticesElement, showNotice } from './notices.ts'
import { createUploads } from './uploads.ts'
import { signOutReason, createReconnectView, createSignInView } from './sign-in-view.ts'
import type { Session } from './api/types.ts'

let route = parseRoute(location)
const initialElsewhere = elsewhere(route)
if (initialElsewhere !== null) location.replace(initialElsewhere)
else {
  prefetch(sessionPath)
  if (isReturningUser() && route.view === 'files') prefetch(filesPath(queryFor(route, loadSort())))
}

/** A view other than the file list. */
interface View {
  readonly element: HTMLElement
  focus(): void
  close(): void
}

const account = element('div', { class: 'account' })
const main = element('main', { id: 'main', tabindex: -1 })
const uploads = createUploads({
  target() {
    const crumbs = filesView?.target ?? null
    if (crumbs === null || view !== filesView) return null
    return { id: currentFolder(crumbs)?.id ?? null, name: currentFolderName(crumbs) }
  },
  onStored: (file, { target, path }) => filesView?.fileStored(file, target.id, path),
  onFolderCreated: (path, target) => filesView?.folderCreated(target.id, path),
  onUnauthorized,
  onError: ({ userMessage }) => showNotice(userMessage),
})
let sessionRequests = 0
let session: Session | null = null
let lastAccount: string | null = null
/** Kept while another view is shown, because it contains the uploads. */
let filesView: FilesView | null = null
let view: View | null = null
/** Whether clearing the search box caused the history navigation, which keeps the focus. */
let keepsFocus = false

/** Delay of the uploader's preload, so that it does not compete with the first list. */
const uploaderPreloadDelayMs = 500

/** The `history.state` of an entry that was added for a search. */
const searchState = 'search'

function onUnauthorized(problem: Problem): void {
  void start(problem)
}

/** Resumes the uploads on hold when the user has signed in again in another tab. */
async function recheckSession(): Promise<void> {
  if (document.hidden || session !== null) return
  const id = ++sessionRequests
  const current = await getSession().catch(() => null)
  if (id === sessionRequests && current !== null && current.grantProblem === null)
    showAccount(current)
}

/** @param unauthorized the 401 that caused the session to be loaded again */
async function start(unauthorized: Problem | null = null): Promise<void> {
  const id = ++sessionRequests // only the latest response counts
  try {
    const current = await getSession()
    if (id !== sessionRequests) return
    if (current === null || (unauthorized !== null && current.grantProblem === null)) {
      showSignIn(unauthorized === null ? null : signOutReason(unauthorized))
    } else showAccount(current)
  } catch (error) {
    if (id !== sessionRequests) return
    const problem = toProblem(error)
    if (problem.code === 'account_not_allowed') return showSignIn(problem.userMessage)
    closeViews()
    main.replaceChildren(errorView(problem.title, problem, () => void start(unauthorized)))
  }
}

function showSignIn(reason: string | null): void {
  closeViews()
  setReturningUser(false)
  clearCredential()
  account.replaceChildren()
  uploads.setOnHold(true)
  const signIn = createSignInView({ route, reason, hasPendingUploads: uploads.isBusy })
  if (!uploads.isEmpty) signIn.lastElementChild?.before(uploads.element)
  main.replaceChildren(signIn)
}

function showAccount(current: Session): void {
  closeViews()
  const { email, grantProblem } = current
  if (lastAccount !== null && lastAccount !== email) clearAccount()
  lastAccount = email
  setReturningUser(grantProblem === null)
  account.replaceChildren(
    createAccountMenu({
      email,
      navigate,
      signOut: () => void signOut(),
      disconnect,
      onUnauthorized,
    }),
  )
  if (grantProblem !== null) {
    uploads.setOnHold(true)
    return main.replaceChildren(createReconnectView(route, grantProblem))
  }
  session = current
  uploads.setSession(current)
  render()
  uploads.setOnHold(false)
}

function closeViews(): void {
  filesView?.close()
  view?.close()
  filesView = null
  view = null
  session = null
  closeDialogs()
  document.title = 'Driveway'
}

function render(): void {
  if (session === null) return
  if (view !== filesView) view?.close()
  if (route.view === 'files') {
    filesView ??= createFilesView({ session, uploads, navigate, onSearch, onUnauthorized })
    if (view !== filesView) main.replaceChildren(filesView.element)
    filesView.show(route)
    view = filesView
    setTimeout(() => void uploads.preload(), uploaderPreloadDelayMs)
    return
  }
  view =
    route.view === 'tokens'
      ? createTokensView({ crumbs: route.crumbs, navigate, onUnauthorized })
      : createDeviceView({ code: route.code, email: session.email, onUnauthorized })
  document.title = strings.pageTitle(route.view === 'tokens' ? strings.tokens : strings.deviceTitle)
  main.replaceChildren(view.element)
}

/** Tokens and devices need a session, which only the gateway's own page has. */
function elsewhere(next: Route): string | null {
  return next.view === 'files' ? null : gatewayPage(formatRoute(next))
}

function navigate(next: Route): void {
  const url = elsewhere(next)
  if (url !== null) return void open(url, '_blank', 'noopener') // uploads go on in this tab
  if (session === null) return location.assign(formatRoute(next))
  if (next.view === 'files') saveBreadcrumbs(next.crumbs)
  history.pushState(null, '', formatRoute(next))
  activate(next)
  scrollTo(0, 0)
}

/** A search is one history entry for all its keystrokes; clearing the text goes back. */
function onSearch(next: FilesRoute): void {
  const isSearching = route.view === 'files' && route.search !== null
  if (next.search === null && history.state === searchState) {
    keepsFocus = true
    return history.back()
  }
  if (isSearching) history.replaceState(history.state, '', formatRoute(next))
  else history.pushState(searchState, '', formatRoute(next))
  route = next
  render()
}

function onPopState(next: Route): void {
  if (!keepsFocus) return activate(next)
  keepsFocus = false
  route = next
  render()
}

function activate(next: Route): void {
  dismissNotices()
  closeDialogs()
  route = next
  render()
  view?.focus()
}

function clearAccount(): void {
  clearBreadcrumbs()
  void uploads.clear()
}

async function signOut(): Promise<void> {
  if (uploads.isBusy && !confirm(strings.signOutWhileUploading)) return
  await uploads.clear() // deletes unfinished uploads while the session is still valid
  try {
    await deleteSession()
  } catch (error) {
    const problem = toProblem(error)
    if (session !== null) uploads.setSession(session)
    if (problem.status !== 401) return void showNotice(problem.userMessage)
  }
  resetToSignIn(null)
}

async function disconnect(): Promise<void> {
  await uploads.clear()
  if (session !== null) uploads.setSession(session)
  await deleteGrant()
  resetToSignIn(strings.disconnected)
}

/** Removes all data of the account from the page and shows the sign-in view. */
function resetToSignIn(message: string | null): void {
  clearAccount()
  lastAccount = null
  dismissNotices()
  route = folderRoute([])
  history.replaceState(null, '', '/')
  showSignIn(message)
  main.querySelector('h1')?.focus()
}

function init(): void {
  const skip = element('a', { class: 'skip-link', href: '#main' }, strings.skip)
  skip.addEventListener('click', (event) => {
    event.preventDefault() // keeps `#main` out of the URL and the history
    main.focus()
  })
  const brand = routeLink(
    folderRoute([]),
    navigate,
    'brand',
    logo(),
    element('span', {}, 'Driveway'),
  )
  const header = element('header', {}, brand, account, menuElement)
  document.body.append(skip, header, noticesElement, main, liveRegion)
  main.replaceChildren(loadingSkeleton())
  void start()
}

addEventListener('popstate', () => onPopState(parseRoute(location)))
addEventListener('beforeunload', (event) => {
  if (uploads.hasUnpersistedFiles) event.preventDefault()
})
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void start() // restored from the back-forward cache: the session may have changed
})
document.addEventListener('visibilitychange', () => void recheckSession())
if (initialElsewhere === null) init()

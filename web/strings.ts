/** Every word the page says. */

const plural = new Intl.PluralRules('en')
const count = (n: number, one: string, many: string) =>
  `${n.toLocaleString()} ${plural.select(n) === 'one' ? one : many}`

export const strings = {
  skip: 'Skip to content',
  loading: 'Loading…',
  retry: 'Retry',
  dismiss: 'Dismiss',

  about:
    'Driveway shows what is in your Google Drive and uploads files into it, and says “done” only when Drive has every byte.',
  signIn: 'Sign in with Google',
  signOut: 'Sign out',
  signOutWhileUploading: 'Files are still uploading. Sign out and cancel them?',
  leaveToSignIn: 'To keep the uploads below, sign in in another tab and come back to this one.',

  signedOutBecause: {
    login_required: 'You are signed out. Sign in to go on.',
    session_expired: 'Your session has ended. Sign in again to go on.',
    reauth_required: 'Google no longer lets Driveway into your Drive. Sign in again to go on.',
  } as Readonly<Record<string, string>>,

  reconnectTitle: 'Reconnect your Drive',
  reconnectCause: 'Google no longer lets Driveway into your Drive.',
  reconnect: 'Reconnect with Google',

  access: {
    browse:
      'You see everything in your Drive by name. Driveway reads only what it uploaded, and uploads only to My Drive itself.',
    own: 'You see only what Driveway uploaded. The rest of your Drive is hidden from it.',
    full: 'You see everything in your Drive, and Driveway can read all of it.',
  },

  root: 'My Drive',
  breadcrumb: 'Breadcrumb',
  someFolder: 'Folder',
  nameless: '(no name)',
  columns: { name: 'Name', kind: 'Kind', size: 'Size', modified: 'Modified' },
  opensInDrive: 'Opens in Google Drive, in a new tab',
  filesIn: (folder: string) => `Files in ${folder}`,
  emptyTitle: 'Nothing here yet',
  emptyHint: 'Drop files anywhere on this page, or choose them with Upload files.',
  listFailed: 'The files could not be listed',
  showMore: 'Show more',
  shown: (n: number) => `${count(n, 'item', 'items')} shown`,
  opened: (folder: string, n: number) =>
    `${folder}: ${n === 0 ? 'empty' : count(n, 'item', 'items')}`,
  moreShown: (more: number, total: number) =>
    `${more} more, ${count(total, 'item', 'items')} shown`,

  kinds: {
    folder: 'Folder',
    doc: 'Google Docs',
    sheet: 'Google Sheets',
    slides: 'Google Slides',
    form: 'Google Forms',
    google: 'Google file',
    text: 'Text',
    document: 'Document',
    spreadsheet: 'Spreadsheet',
    presentation: 'Presentation',
    pdf: 'PDF',
    image: 'Image',
    video: 'Video',
    audio: 'Audio',
    archive: 'Archive',
    file: 'File',
  },
  shortcutTo: (kind: string) => `${kind.replace('Google ', '')} shortcut`,

  upload: 'Upload files',
  uploads: 'Uploads',
  dropHere: (folder: string) => `Drop to upload to ${folder}`,
  noFolders: 'Folders cannot be uploaded here. Open the folder and choose the files in it.',
  uploadsDone: (done: number, all: number) => `${done} of ${all} in Drive`,
  clearUploads: 'Clear finished',
  progressOf: (name: string) => `Upload of ${name}`,
  waiting: 'Waiting',
  paused: 'Waiting until you are signed in',
  sending: (sent: string, size: string, rate: string) =>
    `${sent} of ${size}${rate === '' ? '' : ` · ${rate}`}`,
  perSecond: (amount: string) => `${amount}/s`,
  checking: 'Checking with Drive…',
  stored: (size: string) => `In Drive · ${size}`,
  cancelled: 'Cancelled',
  cancelledLate:
    'Cancelled while Drive was checking it. It may be in Drive: look before you retry.',
  brokenLate:
    'The connection broke while Drive was checking the file. It may be in Drive: look before you retry.',
  brokenUpload: 'The connection broke, or the file can no longer be read. Check both, then retry.',
  tooLarge: (size: string, limit: string) =>
    `This file has ${size}; here one upload can have at most ${limit}.`,
  cancel: 'Cancel',
  cancelNamed: (name: string) => `Cancel ${name}`,
  retryNamed: (name: string) => `Retry ${name}`,
  openInDrive: 'Open in Drive',
  openInDriveNamed: (name: string) => `Open in Drive: ${name}`,
  announceAdded: (n: number, folder: string) =>
    `Uploading ${count(n, 'file', 'files')} to ${folder}`,
  announceStored: (name: string) => `${name} is in Drive`,
  announceFailed: (name: string, words: string) => `${name} was not uploaded. ${words}`,

  curl: 'Use it from curl',
  curlAbout:
    'A token lets curl, a script or a CI job list and upload as you. Keep it as you would a password.',
  tokenName: 'Name of the token',
  tokenNameDefault: 'curl',
  makeToken: 'Make a token',
  tokenMade: (name: string) => `Your token “${name}”`,
  tokenOnce: 'It is shown only now: copy what you need before you leave this page.',
  tokenExpires: (when: string) => `It ends on ${when}.`,
  token: 'The token',
  lineList: 'List this folder',
  lineUpload: 'Upload a file',
  linePipe: 'Upload from a pipe',
  copy: 'Copy',
  copyNamed: (label: string) => `Copy: ${label}`,
  copied: 'Copied',
  copyFailed: 'Selected: press Ctrl+C or ⌘C',

  offline: 'Driveway could not be reached',
  offlineDetail: 'Check your connection, then retry.',
  unreadable: 'Driveway gave an answer that this page does not understand',
  unreadableDetail: 'Reload the page; it may be older than the server.',
  refused: (status: number) => `Driveway answered with an error (${status})`,
  requestId: (id: string) => `Request ${id}`,
}

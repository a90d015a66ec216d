/** The uploader's strings. `<driveway-upload>` bundles them without the page's strings. */

const plural = new Intl.PluralRules('en')
const count = (n: number, one: string, many: string) =>
  `${n.toLocaleString()} ${plural.select(n) === 'one' ? one : many}`
const files = (n: number) => count(n, 'file', 'files')

export const strings = {
  uploads: 'Uploads',
  dropHere: (folder: string) => `Drop to upload to ${folder}`,
  storedCount: (stored: number, total: number) => `${stored} of ${total} in Drive`,
  sentOf: (sent: string, size: string) => `${sent} of ${size}`,
  join: (...parts: string[]) => parts.filter((part) => part !== '').join(' · '),
  secondsLeft: (n: number) => (n < 10 ? 'a few seconds left' : `about ${n} seconds left`),
  minutesLeft: (n: number) => `about ${count(n, 'minute', 'minutes')} left`,
  hoursLeft: (n: number) => `about ${count(n, 'hour', 'hours')} left`,
  total: 'All uploads',
  progressOf: (name: string) => `Upload of ${name}`,

  pauseAll: 'Pause all',
  resumeAll: 'Resume all',
  cancelAll: 'Cancel all',
  clear: 'Clear finished',
  pause: (name: string) => `Pause ${name}`,
  resume: (name: string) => `Resume ${name}`,
  cancel: (name: string) => `Cancel ${name}`,
  retry: (name: string) => `Retry ${name}`,
  chooseAgain: 'Choose again',
  chooseAgainNamed: (name: string) => `Choose again: ${name}`,
  open: 'Open in Drive',
  openNamed: (name: string) => `Open in Drive: ${name}`,
  opensInDrive: 'Opens in Google Drive, in a new tab',

  waiting: 'Waiting',
  onHold: 'Waiting until you are signed in',
  paused: 'Paused',
  reconnecting: 'No connection. The upload resumes automatically.',
  verifying: 'Verifying…',
  stored: (size: string) => `In Drive · ${size}`,
  cancelled: 'Cancelled',
  missing: 'The page was closed during the upload. Choose the file again to resume.',
  unreadableFile:
    'The file can no longer be read. It may have been changed, moved or disconnected.',
  checksumUnavailable:
    'Drive has not returned a checksum. Check whether the file is in Drive before you retry.',
  digestMismatch: 'The checksum in Drive differs, so the file was removed. Retry the upload.',
  tooManyFiles: (max: number) =>
    `The selection has more than ${files(max)}, so no file was added. Upload its folders one by one.`,
  foldersFailed: (message: string) => `Empty folders were not created. ${message}`,
  tooLarge: (size: string, limit: string) =>
    `The file has ${size}. The maximum size here is ${limit}.`,

  root: 'My Drive',
  dropZoneTitle: 'Upload to Google Drive',
  dropZoneLoading: 'Loading…',
  dropZoneSignIn: 'Sign in to upload files to your own Google Drive.',
  dropZonePrompt: 'Drop files or folders here',
  dropZoneTarget: (path: string) =>
    path === ''
      ? 'Files are uploaded to your Google Drive.'
      : `Files are uploaded to “${path}” in your Google Drive.`,
  chooseFiles: 'Choose files',
  chooseFolder: 'Choose a folder',
  takePhoto: 'Take a photo',
  signIn: 'Sign in with Google',
  signOut: 'Sign out',
  signedInAs: (email: string) => `Signed in as ${email}`,
  retryRequest: 'Retry',
  invalidGateway: 'The gateway attribute is missing or invalid. Set it to the gateway’s origin.',

  announceAdded: (n: number, folder: string) => `Uploading ${files(n)} to ${folder}`,
  announceDuplicates: 'These files are already uploading',
  announceNoFiles: 'The selection contains no files',
  announceFolders: (n: number) => `${count(n, 'empty folder is', 'empty folders are')} in Drive`,
  announceStored: (name: string) => `${name} is in Drive`,
  announceFailed: (name: string, message: string) => `The upload of ${name} failed. ${message}`,
  announceAllStored: (n: number) => `All ${files(n)} are in Drive`,
  announceProgress: (percent: number) => `${percent} percent uploaded`,
  announceDisconnected: 'The connection is lost. The uploads resume automatically.',
  announceReconnected: 'The connection is restored',
}

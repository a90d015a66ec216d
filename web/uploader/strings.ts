/** Every word the uploader says; it is a script of its own on other people's pages too. */

const plural = new Intl.PluralRules('en')
const count = (n: number, one: string, many: string) =>
  `${n.toLocaleString()} ${plural.select(n) === 'one' ? one : many}`
const files = (n: number) => count(n, 'file', 'files')

export const strings = {
  uploads: 'Uploads',
  dropHere: (folder: string) => `Drop to upload to ${folder}`,
  tally: (done: number, all: number) => `${done} of ${all} in Drive`,
  sentOf: (sent: string, size: string) => `${sent} of ${size}`,
  parts: (...parts: string[]) => parts.filter((part) => part !== '').join(' · '),
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
  again: 'Choose again',
  chooseAgain: (name: string) => `Choose again: ${name}`,
  open: 'Open in Drive',
  openNamed: (name: string) => `Open in Drive: ${name}`,
  opensInDrive: 'Opens in Google Drive, in a new tab',

  waiting: 'Waiting',
  held: 'Waiting until you are signed in',
  paused: 'Paused',
  cut: 'No connection; goes on by itself',
  checking: 'Checking with Drive…',
  stored: (size: string) => `In Drive · ${size}`,
  cancelled: 'Cancelled',
  missing: 'The page was left meanwhile. Choose the file again, and it goes on where it stopped.',
  unreadableFile: 'The file can no longer be read. Was it changed, moved or unplugged?',
  unproven: 'Drive has not said what it stored. Look whether the file is there before you retry.',
  otherBytes: 'What arrived is not this file, so it was removed. Retry sends it again.',
  tooMany: (most: number) =>
    `This is more than ${files(most)}, so none was taken. Upload its folders one by one.`,
  noFolders: (words: string) => `Empty folders were not made. ${words}`,
  tooLarge: (size: string, limit: string) =>
    `This file has ${size}; here a file can have at most ${limit}.`,

  root: 'My Drive',
  zoneTitle: 'Upload to Google Drive',
  zoneWaiting: 'One moment…',
  zoneSignIn: 'Sign in once; your files then go straight into your own Drive.',
  zoneDrop: 'Drop files or folders here',
  zoneIntoDrive: 'They go into your Google Drive.',
  zoneInto: (path: string) => `They go into “${path}” in your Google Drive.`,
  chooseFiles: 'Choose files',
  chooseFolder: 'Choose a folder',
  takePhoto: 'Take a photo',
  signIn: 'Sign in with Google',
  signOut: 'Sign out',
  signedInAs: (email: string) => `Signed in as ${email}`,
  retryPlain: 'Retry',
  noGateway: 'This page has not said where its Driveway is (the gateway attribute)',

  announceAdded: (n: number, folder: string) => `Uploading ${files(n)} to ${folder}`,
  announceAlready: 'These files are being uploaded already',
  announceEmpty: 'There was no file in what you dropped',
  announceFolders: (n: number) => `${count(n, 'empty folder is', 'empty folders are')} in Drive`,
  announceStored: (name: string) => `${name} is in Drive`,
  announceFailed: (name: string, words: string) => `${name} was not uploaded. ${words}`,
  announceAll: (n: number) => `All ${files(n)} are in Drive`,
  announceHalf: (percent: number) => `${percent} percent sent`,
  announceCut: 'The connection is lost. The uploads go on by themselves.',
  announceBack: 'The connection is back',
}

/** Where bytes go that pages send straight to Drive. */
export const driveOrigin = 'https://www.googleapis.com'

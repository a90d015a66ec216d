/** The origin of direct uploads from pages to Drive. */
export const driveOrigin = 'https://www.googleapis.com'

/** Level of access to Drive that Driveway requests from Google. */
export type AccessProfile = 'browse' | 'own' | 'full'

const drive = 'https://www.googleapis.com/auth/drive'

/** The scopes of each profile in addition to `openid` and `email`, and their meaning for the user. */
export const accessProfiles: Record<AccessProfile, { scopes: string[]; meaning: string }> = {
  browse: {
    scopes: [`${drive}.metadata.readonly`, `${drive}.file`],
    meaning:
      'Everything in your Drive is listed; Driveway can open and change only what it stored.',
  },
  own: {
    scopes: [`${drive}.file`],
    meaning: 'Only the files that Driveway stored are listed.',
  },
  full: {
    scopes: [drive],
    meaning: 'Everything in your Drive is listed and can be opened, changed and added to.',
  },
}

/**
 * Failures of Terraform that end by themselves on a first run: a grant, a service account or an API that
 * was made a moment ago is not known everywhere yet. Google says that it takes up to some minutes.
 */
export const transientErrors: readonly { matches: RegExp; meaning: string }[] = [
  {
    matches:
      /Access to bucket gcf-v2-sources-\S+ denied|does not have storage\.objects\.get access/,
    meaning: 'The build account’s permission to read the source has not taken effect yet',
  },
  {
    matches: /SERVICE_DISABLED|has not been used in project \S+ before or it is disabled/,
    meaning: 'An API that was enabled a moment ago is not ready yet',
  },
  {
    matches: /Service account \S+ does not exist|serviceAccount:\S+ does not exist/i,
    meaning: 'A service account that was made a moment ago is not known everywhere yet',
  },
  {
    matches:
      /Build failed[^]*(?:permission|denied)|artifactregistry\.repositories\.(?:upload|download)Artifacts/i,
    meaning: 'A permission of the build account has not taken effect yet',
  },
  {
    matches:
      /Permission '?[\w.]+'? denied (?:on|for) resource|iam\.serviceAccounts\.(?:actAs|getAccessToken)/i,
    meaning: 'A permission has not taken effect yet',
  },
  {
    matches: /Unable to retrieve the repository metadata|service agent|service identity/i,
    meaning: 'A service agent of Google is not ready yet',
  },
  {
    matches: /A Cloud Run service with this name already exists/,
    meaning: 'A function that could not be built has left its service behind',
  },
]

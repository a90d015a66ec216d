/** OAuth clients, and the sandbox's users. */

export interface OAuthClient {
  client_id: string
  /** The valid secrets; two during a rotation. */
  client_secrets: string[]
  redirect_uris: string[]
  /** The app's name on the consent page; default the client id. */
  name?: string
}

export interface OAuthUser {
  /** At most 255 ASCII characters; the only stable identifier of an account. */
  sub: string
  email: string
  name: string
  /** The Workspace domain of a Workspace account. */
  hd?: string
}

export const defaultUsers: OAuthUser[] = [
  { sub: '104280937120938471203', email: 'ada@example.com', name: 'Ada Sandbox' },
  { sub: '117302948572039485720', email: 'ben@example.com', name: 'Ben Sandbox' },
]

export interface Clients {
  register(client: OAuthClient): void
  find(clientId: string): OAuthClient | undefined
  /** Adds a secret, removes one, or both. */
  rotateSecret(clientId: string, change: { add?: string; remove?: string }): void
  delete(clientId: string): void
  isDeleted(clientId: string): boolean
}

export function createClients(): Clients {
  const clients = new Map<string, OAuthClient>()
  const deleted = new Set<string>()
  return {
    register(client) {
      for (const uri of client.redirect_uris) {
        const problem = redirectUriProblem(uri)
        if (problem) throw new Error(`Cannot register redirect URI "${uri}": ${problem}`)
      }
      deleted.delete(client.client_id)
      clients.set(client.client_id, structuredClone(client))
    },
    find: (clientId) => clients.get(clientId),
    rotateSecret(clientId, { add, remove }) {
      const client = clients.get(clientId)
      if (!client) throw new Error(`Cannot rotate a secret of client "${clientId}": not registered`)
      const secrets = client.client_secrets.filter((secret) => secret !== remove)
      if (add !== undefined) secrets.push(add)
      if (secrets.length > 2) throw new Error('Cannot keep more than two client secrets')
      client.client_secrets = secrets
    },
    delete(clientId) {
      if (clients.delete(clientId)) deleted.add(clientId)
    },
    isDeleted: (clientId) => deleted.has(clientId),
  }
}

/**
 * Validates a redirect URI by Google's rules, except those that need the public suffix list.
 *
 * @returns what is invalid; undefined for a valid URI
 *
 * @see Using OAuth 2.0 for Web Server Applications: Redirect URI validation rules
 */
export function redirectUriProblem(uri: string): string | undefined {
  if (!URL.canParse(uri)) return 'it is not an absolute URL'
  const url = new URL(uri)
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    return 'https is required, except for localhost'
  }
  if (!loopback && /^(\[.*\]|\d+(\.\d+){3})$/.test(url.hostname)) return 'its host is an IP address'
  if (!loopback && !url.hostname.includes('.')) return 'its host has no public suffix'
  if (url.hostname.endsWith('googleusercontent.com')) return 'its host is googleusercontent.com'
  if (url.username || url.password) return 'it has user information'
  if (uri.includes('#')) return 'it has a fragment'
  if (uri.includes('*')) return 'it has a wildcard'
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x20\x7f\\]|%00/.test(uri)) return 'it has a control character or a backslash'
  if (/\/(\.|%2e){2}(\/|$)/i.test(uri)) return 'its path contains ".."'
  return undefined
}

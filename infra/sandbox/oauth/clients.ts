/** Who may ask (clients) and who may be asked (users). */

export interface OAuthClient {
  client_id: string
  /** All that are valid now; two while a secret is being rotated. */
  client_secrets: string[]
  redirect_uris: string[]
  /** What the consent page calls the app; the client id unless said. */
  name?: string
}

export interface OAuthUser {
  /** At most 255 ASCII characters, the only stable name of an account. */
  sub: string
  email: string
  name: string
  /** The Workspace domain, for accounts that have one. */
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
        const fault = faultOfRedirectUri(uri)
        if (fault) throw new Error(`Cannot register redirect URI "${uri}": ${fault}`)
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
 * What Google's console would say against a redirect URI, except for what needs the public suffix
 * list.
 *
 * @see Using OAuth 2.0 for Web Server Applications: Redirect URI validation rules
 */
export function faultOfRedirectUri(uri: string): string | undefined {
  if (!URL.canParse(uri)) return 'it is not an absolute address'
  const url = new URL(uri)
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    return 'only localhost may do without https'
  }
  if (!loopback && /^(\[.*\]|\d+(\.\d+){3})$/.test(url.hostname)) return 'its host is a raw IP'
  if (!loopback && !url.hostname.includes('.')) return 'its host has no public suffix'
  if (url.hostname.endsWith('googleusercontent.com')) return 'its host is googleusercontent.com'
  if (url.username || url.password) return 'it has user information'
  if (uri.includes('#')) return 'it has a fragment'
  if (uri.includes('*')) return 'it has a wildcard'
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x20\x7f\\]|%00/.test(uri)) return 'it has a control character or a backslash'
  if (/\/(\.|%2e){2}(\/|$)/i.test(uri)) return 'its path climbs'
  return undefined
}

/**
 * Built-in browsers of apps. Google's sign-in page refuses them with `disallowed_useragent`, without a
 * way back, so the user is told before.
 *
 * @see Google, "OAuth 2.0 Policies": Use secure browsers
 */
import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'

/** Apps by a part of their `User-Agent`. */
const apps: [name: string, pattern: RegExp][] = [
  ['Instagram', /\bInstagram [\d.]+/],
  ['Threads', /\bBarcelona [\d.]+/],
  ['Facebook', /\bFB(?:AN|AV|_IAB)\//],
  ['LINE', /\bLine\/\d/],
  ['TikTok', /\bmusical_ly|\bBytedanceWebview\//],
  ['WeChat', /\bMicroMessenger\//],
  ['Snapchat', /\bSnapchat\//],
  ['LinkedIn', /\bLinkedInApp\b/],
  ['Pinterest', /\bPinterest\/(?:iOS|Android)\b/],
  ['X', /\bTwitter for iP/],
  ['KakaoTalk', /\bKAKAOTALK\b/],
  ['NAVER', /\bNAVER\(inapp/],
  // Any WebView of Android. On iOS, one looks like a web app on the home screen, which Google accepts.
  ['an app', /; wv\)/],
]

/**
 * Refuses a sign-in in the built-in browser of an app.
 *
 * @param url to open in a browser instead
 * @throws {GatewayError} `in_app_browser`
 */
export function assertNoInAppBrowser(req: IncomingMessage, url: string): void {
  const userAgent = req.headers['user-agent'] ?? ''
  const [app] = apps.find(([, pattern]) => pattern.test(userAgent)) ?? []
  if (app === undefined) return
  throw new GatewayError('in_app_browser', `The sign-in started in the browser of ${app}`, {
    detail: `This is the built-in browser of ${app}. Choose “Open in browser” in its menu, or copy the link into your browser.`,
    externalUrl: url,
  })
}

/** A session belongs to the binding of its browser: the sign-in refuses one that it did not bind. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startDriveway } from '../kit/environment.ts'
import type { Driveway } from '../kit/environment.ts'
import { replaceDocument } from '../kit/firestore-documents.ts'
import { getFiles } from '../kit/requests.ts'
import {
  approveConsent,
  completeSignIn,
  cookieFrom,
  sessionSecret,
  signInAs,
  startSignIn,
} from '../kit/sign-in.ts'

let driveway: Driveway

beforeAll(async () => {
  driveway = await startDriveway({ isSignedIn: false })
})
afterAll(() => driveway.close())

const hintOf = (location: string) => new URL(location).searchParams.get('login_hint')
const bindingOf = (cookie: string): string => cookie.split('.')[1] ?? ''
const statusOf = async (cookie: string): Promise<number> =>
  (await getFiles(driveway, { cookie, origin: driveway.origin })).status

/** A session of another account, as a sibling host of the domain could plant it. */
async function plantSession(binding: string): Promise<{ cookie: string; planted: string }> {
  const { cookie } = await signInAs(driveway, { email: 'ben@example.com' })
  return { cookie: `__session=${sessionSecret(cookie)}.${binding}`, planted: cookie }
}

test.each([
  ['no binding', ''],
  ['another binding', 'B'.repeat(22)],
])('GET /auth drops a session with %s', async (_, binding) => {
  const { cookie, planted } = await plantSession(binding)
  const started = await startSignIn(driveway, { cookie })
  expect(sessionSecret(started.cookie)).toBe('')
  expect(bindingOf(started.cookie)).not.toBe(binding)
  const done = await completeSignIn(driveway, await approveConsent(started), started.cookie)
  expect(done.status).toBe(303)
  expect(await statusOf(cookieFrom(done))).toBe(200)
  expect(await statusOf(planted)).toBe(200) // of another browser, so it is left alone
})

test('GET /auth?reconnect=1 takes no account from a session that it did not bind', async () => {
  const { cookie, planted } = await plantSession('B'.repeat(22))
  const own = await startSignIn(driveway, { cookie: planted, query: 'reconnect=1' })
  expect(hintOf(own.location)).toBe('ben@example.com')
  const foreign = await startSignIn(driveway, { cookie, query: 'reconnect=1' })
  expect(hintOf(foreign.location)).toBeNull()
})

test('GET /callback leaves a session alone that was planted during the sign-in', async () => {
  const started = await startSignIn(driveway)
  const { cookie, planted } = await plantSession(bindingOf(started.cookie))
  const done = await completeSignIn(driveway, await approveConsent(started), cookie)
  expect(done.status).toBe(303)
  expect(sessionSecret(cookieFrom(done))).not.toBe(sessionSecret(cookie))
  expect(await statusOf(planted)).toBe(200)
})

test('the own session goes on during a sign-in, and after one that was denied', async () => {
  const { cookie } = await signInAs(driveway)
  const started = await startSignIn(driveway, { cookie })
  expect(sessionSecret(started.cookie)).toBe(sessionSecret(cookie))
  const denied = await completeSignIn(
    driveway,
    `error=access_denied&state=${started.state}`,
    started.cookie,
  )
  expect(denied.status).toBe(403)
  const again = await startSignIn(driveway, { cookie: cookieFrom(denied) })
  expect(sessionSecret(again.cookie)).toBe(sessionSecret(cookie))
  expect(await statusOf(again.cookie)).toBe(200)
})

test('a session of an earlier version, without a binding, goes on', async () => {
  const { cookie } = await signInAs(driveway)
  for (const { name, fields } of driveway.google.firestore.dump()) {
    const { bindingHash, ...rest } = fields
    if (bindingHash !== undefined) await replaceDocument(driveway.google, name, rest)
  }
  const otherInstance = await startDriveway({ sharing: driveway }) // it has not cached the session
  const started = await startSignIn(otherInstance, { cookie })
  expect(sessionSecret(started.cookie)).toBe(sessionSecret(cookie))
  await otherInstance.close()
})

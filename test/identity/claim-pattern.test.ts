/** Claim patterns, in particular values of other owners that must not match. */
import { describe, expect, test } from '@jest/globals'
import { matchesClaim, namesAnOwner } from '../../functions/identity/claim-pattern.ts'

describe('matchesClaim()', () => {
  test.each<[string, unknown]>([
    ['me/app', 'me/app'],
    ['me/*', 'me/app'],
    ['me/app-*', 'me/app-2'],
    ['refs/heads/*', 'refs/heads/main'],
    ['refs/heads/release-*', 'refs/heads/release-1.2'],
    ['refs/heads/**', 'refs/heads/feature/x'],
    ['repo:me/app:ref:refs/heads/*', 'repo:me/app:ref:refs/heads/main'],
    ['repo:me/*:ref:refs/heads/main', 'repo:me/app:ref:refs/heads/main'],
    ['**', 'anything: at/all'],
    ['*a*b*', 'xaxbx'],
    ['42', 42],
    ['-7', -7],
    ['true', true],
    ['(a|b)+', '(a|b)+'],
    ['a.c', 'a.c'],
    ['[x]?', '[x]?'],
    ['naïve/✓', 'naïve/✓'],
    ['**😀', 'x😀'],
  ])('pattern %j matches %j', (pattern, claim) => {
    expect(matchesClaim(pattern, claim)).toBe(true)
  })

  test.each<[string, unknown]>([
    // A pattern matches the whole value.
    ['me/app', 'me/app2'],
    ['me/app', 'xme/app'],
    ['me/app', 'me/app\n'],
    ['me/app', ' me/app'],
    // Values of another owner, whose name continues where the pattern has a wildcard.
    ['me*', 'me-evil/app'],
    ['me/*', 'me-evil/app'],
    ['me/*', 'me/app/evil'],
    ['me/*', 'evil/me/app'],
    ['*/app', 'evil/me/app'],
    ['repo:me/*', 'repo:me/app:ref:refs/heads/main'],
    ['repo:me/*:ref:refs/heads/main', 'repo:me/app:pull_request:ref:refs/heads/main'],
    ['repo:me/app:*', 'repo:me/app:ref:refs/heads/main'],
    ['repo:me/app:*', 'repo:me/app:environment:production'],
    ['refs/heads/*', 'refs/heads/feature/main'],
    // A wildcard matches at least one character.
    ['me/*', 'me/'],
    ['*', ''],
    ['**', ''],
    ['a*', 'a'],
    ['a**', 'a'],
    // Case and code points are significant.
    ['me/app', 'Me/App'],
    ['refs/heads/MAIN', 'refs/heads/main'],
    ['é', 'e\u0301'],
    // A pattern is not a regular expression.
    ['a.c', 'abc'],
    ['.*', 'abc'],
    ['[ab]', 'a'],
    // Values that are not a string, a safe integer or a boolean, or are too long.
    ['**', undefined],
    ['**', null],
    ['a', ['a']],
    ['**', ['a', 'b']],
    ['**', { a: 1 }],
    ['[object Object]', {}],
    ['1.5', 1.5],
    ['NaN', NaN],
    ['9007199254740992', 2 ** 53],
    ['1', true],
    ['**', 'x'.repeat(2_049)],
  ])('pattern %j does not match %j', (pattern, claim) => {
    expect(matchesClaim(pattern, claim)).toBe(false)
  })

  test('many wildcards do not cause backtracking', () => {
    const pattern = '*a'.repeat(120)
    expect(matchesClaim(pattern, 'a'.repeat(2_000))).toBe(true)
    expect(matchesClaim(`${pattern}b`, 'a'.repeat(2_000))).toBe(false)
    expect(matchesClaim('**'.repeat(128), 'a'.repeat(2_000))).toBe(true)
  })
})

describe('namesAnOwner()', () => {
  test.each<Record<string, string>>([
    { repository: 'me/app' },
    { repository: 'me/*' },
    { repository_owner: 'me' },
    { repository_owner_id: '42', ref: '**' },
    { repository_id: '42' },
    { project_path: 'group/sub/app' },
    { namespace_path: 'group' },
    { namespace_id: '7' },
    { project_id: '7' },
    { sub: 'repo:me/app:ref:refs/heads/main' },
    { sub: 'repo:me/*:ref:refs/heads/main' },
    { sub: 'project_path:group/app:ref_type:branch:ref:main' },
    { sub: 'org/1/project/2' },
  ])('%j names an owner', (claims) => {
    expect(namesAnOwner(claims)).toBe(true)
  })

  test.each<Record<string, string>>([
    {},
    { ref: 'refs/heads/main' },
    { workflow: 'deploy', environment: 'production' },
    { repository: '*/app' },
    { repository: '**' },
    { repository: 'me*/app' },
    { repository: '*' },
    { repository: 'app' },
    { repository_owner: 'm*' },
    { repository_owner: '**' },
    { repository_id: '4*' },
    { sub: '**' },
    { sub: 'repo:*' },
    { sub: 'repo:*/app:ref:refs/heads/main' },
    { sub: 'repo:me*/app:**' },
    { sub: 'repo:**' },
    { sub: 'org/*/project/2' },
    { sub: 'project_path:*/app:**' },
    { namespace_path: 'group/*' },
  ])('%j does not name an owner', (claims) => {
    expect(namesAnOwner(claims)).toBe(false)
  })
})

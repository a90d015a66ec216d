/** The globs of firebase.json, as the documentation of Firebase Hosting defines them. */
import { expect, test } from '@jest/globals'
import { compileGlob } from '../../../infra/local/glob.ts'

test.each([
  ['/files{,/**}', ['/files', '/files/', '/files/a/b'], ['/', '/filesystem', '/x/files']],
  ['**', ['/', '/a', '/a/b.js'], []],
  ['/**', ['/', '/a/b'], []],
  ['/*', ['/', '/a.js'], ['/a/b']],
  ['/a?c', ['/abc'], ['/ac', '/a/c']],
  ['**/*.@(js|css)', ['/a.js', '/a/b/c.css'], ['/a.jsx', '/ajs', '/js']],
  ['/a/**/b', ['/a/b', '/a/x/y/b'], ['/ab', '/a/bb']],
  ['/!(auth|files){,/**}', ['/a', '/authx/y', '/a/auth'], ['/auth', '/files/x', '/']],
  ['/{a,b{c,d}}', ['/a', '/bc', '/bd'], ['/b', '/abc']],
  ['404.html', ['/404.html'], ['/404xhtml', '/a/404.html']],
  ['/a+b.$^|c', ['/a+b.$^|c'], ['/aab.c']],
])('compileGlob(%j) matches the documented paths', (glob, yes, no) => {
  const matches = compileGlob(glob)
  expect(yes.filter(matches)).toEqual(yes)
  expect(no.filter(matches)).toEqual([])
})

test.each(['/a[bc]', '/+(a)', '/a{b', '/a}', '/@(a|b', String.raw`/a\b`])(
  'compileGlob(%j) rejects unsupported syntax',
  (glob) => {
    expect(() => compileGlob(glob)).toThrow('Cannot read the glob')
  },
)

/** Jest's global teardown of the browser tests. */
export { closeBrowsers as default } from './chromium.mjs'

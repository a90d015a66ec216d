/** A style sheet comes into a script as its text. */
declare module '*.css' {
  const text: string
  export { text as default }
}

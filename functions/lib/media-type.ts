/** Whether text is a media type without parameters. @see RFC 6838 section 4.2 */
export function isMediaType(text: string): boolean {
  return /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.test(text)
}

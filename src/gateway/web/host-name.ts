/** Characters of a name, without the last dot (RFC 1035, 2.3.4). */
const NAME_CHARACTERS_MAX = 253
/** Letters, digits, hyphens and underscores, as names of hosts and services have them in practice (RFC 2181, 11). */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/**
 * Tells whether a text can be the name of a host: in lower case, without a last dot, and no address. A name whose last
 * label is a number is none, since programs read it as an address (WHATWG URL, 3.5).
 */
export function isHostName(text: string): boolean {
  if (text.length > NAME_CHARACTERS_MAX) return false
  const labels = text.split('.')
  const last = labels.at(-1) ?? ''
  return labels.every((label) => LABEL.test(label)) && !/^(?:[0-9]+|0x[0-9a-f]*)$/.test(last)
}

import { normalForm } from './text.ts'

/** Characters of one label of a host's name (RFC 1035, 2.3.4). */
const LABEL_CHARACTERS_MAX = 63

/**
 * Reads an address as clients do (WHATWG URL, 4.4); undefined where it is none, or its host has a label that no name has:
 * of letters beyond ASCII the platform takes the square of their number.
 */
export function readUrl(text: string): URL | undefined {
  return hasLongLabel(text) ? undefined : (URL.parse(text) ?? undefined)
}

function hasLongLabel(text: string): boolean {
  if (!/[^\0-\x7f]/.test(text)) return false
  const [, authority = ''] =
    /^[\0-\x20]*(?:[a-z][a-z0-9+.-]*:)?[/\\]*([^/\\?#]*)/i.exec(text.replaceAll(/[\t\n\r]/g, '')) ?? []
  const labels = normalForm(authority.slice(authority.lastIndexOf('@') + 1), 'NFKC').split(/[.:\u3002]/)
  return labels.some((label) => label.length > LABEL_CHARACTERS_MAX && /[^\0-\x7f]/.test(label))
}

/** Names of git's objects, by the format of a repository (gitformat: hash-function-transition). */
export type ObjectFormat = 'sha1' | 'sha256'

/** Digits of an object's name. */
export const OBJECT_DIGITS: Readonly<Record<ObjectFormat, number>> = { sha1: 40, sha256: 64 }

/** Tells whether a text is an object's full name in a format, in lower case. */
export function isObjectName(text: string, format: ObjectFormat): boolean {
  return text.length === OBJECT_DIGITS[format] && /^[0-9a-f]+$/.test(text)
}

/** Tells whether an object's name is the one that means none. */
export function isNoObject(name: string): boolean {
  return /^0+$/.test(name)
}

/** Characters of a ref's name; a file system takes no longer component. */
export const REF_CHARACTERS_MAX = 255

/**
 * Tells whether a text is a ref's full name (`git check-ref-format`), written in one way: below `refs/`, composed (NFC),
 * without controls or characters that cannot be seen.
 */
export function isRefName(text: string): boolean {
  if (!text.startsWith('refs/') || text.length > REF_CHARACTERS_MAX || text.normalize('NFC') !== text) return false
  if (!/^[!-~\p{L}\p{M}\p{N}]+$/u.test(text) || /[~^:?*[\\]|\.\.|@\{/.test(text)) return false
  const parts = text.split('/')
  return parts.length >= 3 && parts.every((part) => /^[^.](?:.*[^.])?$/u.test(part) && !part.endsWith('.lock'))
}

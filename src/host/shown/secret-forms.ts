import { Buffer } from 'node:buffer'

/**
 * Returns the bytes of a value as it is, and as it stands in URLs, JSON, base64 wherever that begins, hexadecimal and
 * UTF-16.
 */
export function formsOf(value: string): readonly Buffer[] {
  const bytes = Buffer.from(value)
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    // Only characters that are made of the value alone.
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  const texts = [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    ...inBase64,
    bytes.toString('hex'),
  ]
  const forms = [...new Set(texts)].filter((text) => text.length >= 8).map((text) => Buffer.from(text))
  return [...forms, Buffer.from(value, 'utf16le')]
}

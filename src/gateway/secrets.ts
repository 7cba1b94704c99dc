import { Buffer } from 'node:buffer'
import { LIMITS, no, ok, type Result } from '../model/index.ts'

/**
 * The secrets of one environment, by name. They are put into what the gateway sends, and looked for in everything that
 * goes towards a cell (S10).
 */
export interface Secrets {
  /** Replaces `${secret:name}`; the configuration has made sure that every name exists. */
  readonly inject: (template: string) => string
  /** The name of a secret that the text holds, verbatim or in a listed encoding. */
  readonly leak: (text: string) => string | undefined
}

/**
 * The encodings in which a secret is found: as it is, in JSON, percent-encoded, in hexadecimal, and in base64 and
 * base64url wherever it starts in the encoded stream. What re-encodes otherwise (compresses, encrypts, splits) is not
 * found: SECURITY.md says so.
 */
export function openSecrets(values: ReadonlyMap<string, string>): Result<Secrets, string> {
  const needles: { readonly name: string; readonly forms: readonly string[] }[] = []
  for (const [name, value] of values) {
    if (value.length < LIMITS.secretCharactersMin) {
      return no(
        `secret "${name}" has ${value.length} characters: under ${LIMITS.secretCharactersMin} it cannot be told from other text`,
      )
    }
    needles.push({ name, forms: formsOf(value) })
  }
  return ok({
    inject: (template) => injectInto(template, values),
    leak: (text) => needles.find((needle) => needle.forms.some((form) => text.includes(form)))?.name,
  })
}

/** Replaces `${secret:name}` by its value. */
export function injectInto(template: string, values: ReadonlyMap<string, string>): string {
  return template.replaceAll(/\$\{secret:([^}]*)\}/g, (_, name: string) => values.get(name) ?? '')
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8')
  const hex = bytes.toString('hex')
  const base64 = [0, 1, 2].map((shift) => base64Core(bytes, shift))
  const percent = encodeURIComponent(secret)
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      percent,
      percent.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
      [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
      [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
      hex,
      hex.toUpperCase(),
      ...base64,
      ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ]
}

/**
 * The characters of the base64 of any text that holds the secret at an offset of `shift` modulo 3, whatever stands
 * before and after it: those that six bits of the secret alone decide.
 */
function base64Core(secret: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), secret])
    .toString('base64')
    .replace(/=+$/, '')
  const from = Math.ceil((shift * 8) / 6)
  const to = Math.floor(((shift + secret.length) * 8) / 6)
  return encoded.slice(from, to)
}

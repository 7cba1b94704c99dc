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
 * The encodings in which a secret is found: as it is, with the escapes of JSON (also of JSON inside JSON), percent-encoded,
 * in hexadecimal, and in base64 and base64url wherever it starts in the encoded stream and wherever lines are broken. What
 * re-encodes otherwise (compresses, encrypts, splits) is not found: SECURITY.md says so.
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
    leak: (text) => {
      if (needles.length === 0) return undefined
      const views = viewsOf(text)
      return needles.find(({ forms }) => forms.some((form) => views.some((view) => view.includes(form))))?.name
    },
  })
}

/** Replaces `${secret:name}` by its value. */
export function injectInto(template: string, values: ReadonlyMap<string, string>): string {
  return template.replaceAll(/\$\{secret:([^}]*)\}/g, (_, name: string) => values.get(name) ?? '')
}

/** The text, and what it says under the encodings that are taken off before a search: only those that it has. */
function viewsOf(text: string): readonly string[] {
  const views = [text]
  for (let inner = text, depth = 0; depth < ESCAPES_DEPTH_MAX && inner.includes('\\'); depth++) {
    inner = inner.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))/g, unescaped)
    views.push(inner)
  }
  for (const view of [...views]) if (PERCENT.test(view)) views.push(view.replaceAll(PERCENT_RUN, percentDecoded))
  const found = [...views]
  for (const view of found) if (BROKEN_LINE.test(view)) views.push(view.replaceAll(/\\[nr]|\s/g, ''))
  for (const view of found) if (HEX.test(view)) views.push(view.toLowerCase())
  return views
}

/** JSON in a text of JSON, in an answer that is JSON. */
const ESCAPES_DEPTH_MAX = 3
const PERCENT = /%[0-9a-fA-F]{2}/
const PERCENT_RUN = /(?:%[0-9a-fA-F]{2})+/g
/** A line of base64 that goes on in the next: MIME breaks at 76 characters, PEM at 64. */
const BROKEN_LINE = /[A-Za-z0-9+/_-]{60}(?:\\r|\r)?(?:\\n|\n)/
/** The least that a secret has in hexadecimal, with a digit of the upper case. */
const HEX = /[A-F][0-9a-fA-F]{7}|[0-9a-fA-F]{7}[A-F]/

const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

function unescaped(_: string, unit: string | undefined, letter: string | undefined): string {
  if (unit !== undefined) return String.fromCharCode(Number.parseInt(unit, 16))
  return letter === undefined ? '' : (ESCAPED[letter] ?? letter)
}

function percentDecoded(run: string): string {
  return Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8')
}

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8')
  const base64 = [0, 1, 2].map((shift) => base64Core(bytes, shift))
  return [
    ...new Set([
      secret,
      bytes.toString('hex'),
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

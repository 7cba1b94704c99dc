import { Buffer } from 'node:buffer'
import { type Carrier, type Json, LIMITS, no, ok, type Result, replaced } from '../../model/index.ts'
import { ESCAPED_CHARACTERS_MAX, viewsOf } from './views.ts'

/**
 * The secrets of one environment, by name. They are put into what the gateway sends, and looked for in everything that
 * goes towards a cell (S10).
 */
export interface Secrets {
  /** Fills in the secrets of a text, of which its upstream's entry names `named`; see `injectInto`. */
  readonly inject: (template: string, named: readonly string[], carrier?: Carrier) => string
  /** The name of a secret that the text holds, verbatim or in a listed encoding. */
  readonly leak: (text: string) => string | undefined
  /** Returns the name of a secret that a value holds, as the JSON that goes towards the cell. */
  readonly leakIn: (value: Json) => string | undefined
  /**
   * The name of a secret that a text ends with the beginning of, or begins with the end of, verbatim: of one that whoever
   * wrote it has cut.
   */
  readonly partIn: (text: string) => string | undefined
  /**
   * Returns how many characters at the end of a text may be the beginning of a secret, in any of its forms: 0, or eight and
   * more; more than there are in it at most. `longest` is how many characters the longest form has.
   */
  readonly begun: (text: string) => number
  /** Returns the end of a text in which a secret may have begun that ends in what comes next, in any of its forms. */
  readonly tail: (text: string) => string
  readonly longest: () => number
  /**
   * Gives a secret another value: injected from now on, and looked for beside those that it had, the newest
   * `LIMITS.secretValuesMax` of them. False where it has that value already, or it is too short to be looked for.
   */
  readonly renew: (name: string, value: string) => boolean
}

/**
 * The encodings in which a secret is found: as it is, with the escapes of JSON (also of JSON inside JSON), percent-
 * encoded, in hexadecimal, and in base64 and base64url wherever it starts in the encoded stream and wherever lines are
 * broken; and in these within each other (`viewsOf`, `formsOf`). What re-encodes otherwise (compresses, encrypts,
 * splits) is not found: SECURITY.md says so.
 */
export function openSecrets(values: ReadonlyMap<string, string>): Result<Secrets, string> {
  const current = new Map(values)
  const all = new Map<string, readonly string[]>()
  for (const [name, value] of values) {
    if (soughtOf(value).length < LIMITS.secretCharactersMin) {
      return no(
        `secret "${name}" has ${soughtOf(value).length} characters: under ${LIMITS.secretCharactersMin} it cannot be told from other text`,
      )
    }
    all.set(name, [value])
  }
  let needles = needlesFor(all)
  const leak = (text: string) => {
    for (const { view } of viewsOf(text)) {
      const found = needles.in(view)
      if (found !== undefined) return found
    }
    return undefined
  }
  return ok({
    inject: (template, named, carrier) => injectInto(template, current, named, carrier),
    leak: (text) => (all.size === 0 ? undefined : leak(text)),
    leakIn: (value) => (all.size === 0 ? undefined : leak(JSON.stringify(value))),
    partIn: (text) => {
      for (const [name, values] of all) if (values.some((value) => isCutAt(text, soughtOf(value)))) return name
      return undefined
    },
    begun: (text) => begunIn(text, needles),
    tail: (text) => tailOf(text, needles.longest),
    longest: () => needles.longest,
    renew: (name, value) => {
      if (soughtOf(value).length < LIMITS.secretCharactersMin || current.get(name) === value) return false
      current.set(name, value)
      const before = (all.get(name) ?? []).filter((each) => each !== value)
      all.set(name, [...before, value].slice(-LIMITS.secretValuesMax))
      needles = needlesFor(all)
      return true
    },
  })
}

/**
 * Returns what a value is looked for by: without the white space around it, which whoever repeats it leaves out, or a line
 * break of another kind has taken the place of.
 */
export function soughtOf(value: string): string {
  return value.trim()
}

/** Tells whether a text ends with a beginning of the value, or begins with an end of it, of some characters. */
function isCutAt(text: string, value: string): boolean {
  const last = text.replace(AFTER_CUT, '').slice(-value.length)
  const begins = value.slice(0, PART_CHARACTERS_MIN)
  for (let at = last.indexOf(begins); at !== -1; at = last.indexOf(begins, at + 1))
    if (value.startsWith(last.slice(at))) return true
  const first = text.slice(0, value.length)
  const ends = value.slice(-PART_CHARACTERS_MIN)
  for (let at = first.indexOf(ends); at !== -1; at = first.indexOf(ends, at + 1))
    if (value.endsWith(first.slice(0, at + ends.length))) return true
  return false
}

/** Characters of a secret that tell it at the edge of a text; fewer stand there by chance. */
const PART_CHARACTERS_MIN = 8
/** Characters that may stand behind a cut. */
const AFTER_CUT = /[\s"'.…)\]}]{1,16}$/

function needlesFor(all: ReadonlyMap<string, readonly string[]>): Needles {
  const needles = new Needles()
  for (const [name, values] of all)
    for (const value of values) for (const form of formsOf(soughtOf(value))) needles.add(name, form)
  return needles
}

interface Form {
  readonly text: string
  /** In any mixture of cases: hexadecimal. */
  readonly anyCase: boolean
}

/**
 * All forms of all secrets, looked for in one pass: three characters at a time lead to the few that begin like that. An
 * answer of 4 MiB takes 40 ms, however many secrets there are.
 */
class Needles {
  readonly #starts = new Uint8Array(65_536)
  readonly #forms = new Map<number, { readonly name: string; readonly form: Form }[]>()
  #longest = 0

  /** Characters of the longest form. */
  get longest(): number {
    return this.#longest
  }

  add(name: string, form: Form): void {
    this.#longest = Math.max(this.#longest, form.text.length)
    const start = startAt(form.text, 0)
    this.#starts[start] = 1
    this.#forms.set(start, [...(this.#forms.get(start) ?? []), { name, form }])
  }

  in(text: string): string | undefined {
    let [a, b] = [text.charCodeAt(0) | 32, text.charCodeAt(1) | 32]
    for (let i = 0; i + 2 < text.length; i++) {
      const c = text.charCodeAt(i + 2) | 32
      const start = (a * 961 + b * 31 + c) & 0xffff
      a = b
      b = c
      if (this.#starts[start] === 0) continue
      for (const { name, form } of this.#forms.get(start) ?? [])
        if (form.anyCase ? startsWithHex(text, form.text, i) : text.startsWith(form.text, i)) return name
    }
    return undefined
  }

  /** Returns how many characters at the end of a text are the beginning of a form, where they are enough to tell. */
  begunIn(text: string): number {
    for (let i = Math.max(0, text.length - this.#longest); i + PART_CHARACTERS_MIN <= text.length; i++) {
      const start = startAt(text, i)
      if (this.#starts[start] === 0) continue
      const beginning = text.slice(i)
      if (this.#forms.get(start)?.some(({ form }) => beginsWith(form, beginning)) === true) return beginning.length
    }
    return 0
  }
}

/**
 * Returns how many characters at the end of a text may be the beginning of a secret: as it is, and once escapes and percents
 * are taken off, also where one is cut in the middle, or one inside another.
 */
function begunIn(text: string, needles: Needles): number {
  const tail = tailOf(text, needles.longest)
  let most = needles.begunIn(text)
  for (const { view, depth } of viewsOf(tail, true)) {
    const begun = view === tail ? 0 : needles.begunIn(view)
    if (begun > 0) most = Math.max(most, (begun + 1) * ESCAPED_CHARACTERS_MAX ** Math.max(1, depth))
  }
  return Math.min(most, text.length)
}

/**
 * Returns the end of a text that says as much as the longest form has, whatever is taken off; one of `TAIL_CHARACTERS_MAX`
 * where encodings within each other make it longer than that.
 */
function tailOf(text: string, longest: number): string {
  const most = Math.min(text.length, Math.max(TAIL_CHARACTERS_MAX, longest * ESCAPED_CHARACTERS_MAX))
  for (let characters = longest * ESCAPED_CHARACTERS_MAX; characters < most; characters *= ESCAPED_CHARACTERS_MAX) {
    const tail = text.slice(-characters)
    if (saysAtLeast(tail, longest)) return tail
  }
  return text.slice(text.length - most)
}

function saysAtLeast(text: string, characters: number): boolean {
  for (const { view } of viewsOf(text)) if (view.length < characters) return false
  return true
}

/** Characters that are looked at again with each piece of a stream, at most where encodings ask for them. */
const TAIL_CHARACTERS_MAX = 65_536
/** Tells whether a form begins with a text, which is shorter. */
function beginsWith({ text, anyCase }: Form, beginning: string): boolean {
  return text.startsWith(anyCase ? beginning.toLowerCase() : beginning)
}

/** Tells whether hexadecimal stands at a place, in any case. Character by character: most places differ soon. */
function startsWithHex(text: string, hex: string, at: number): boolean {
  for (let i = 0; i < hex.length; i++) {
    const unit = text.charCodeAt(at + i)
    if (unit !== hex.charCodeAt(i) && (unit < 0x41 || unit > 0x46 || (unit | 32) !== hex.charCodeAt(i))) return false
  }
  return true
}

/** The same for both cases of a letter. */
function startAt(text: string, at: number): number {
  const [a, b, c] = [text.charCodeAt(at) | 32, text.charCodeAt(at + 1) | 32, text.charCodeAt(at + 2) | 32]
  return (a * 961 + b * 31 + c) & 0xffff
}

/**
 * Fills in the secrets of a text.
 *
 * @param named those that the upstream's entry was judged with: one more that stands in its text is no reason to send it,
 *   and throws.
 */
export function injectInto(
  template: string,
  values: ReadonlyMap<string, string>,
  named: readonly string[],
  carrier: Carrier = 'text',
): string {
  return replaced(template, carrier, (name) => {
    const value = named.includes(name) ? values.get(name) : undefined
    if (value === undefined) throw new RangeError(`secret "${name}" is none that this upstream was judged with`)
    return value
  })
}

function formsOf(secret: string): readonly Form[] {
  const inBase64 = base64Of(secret)
  // As they stand in what is then encoded as a whole: JSON, an address, the credentials of a registry.
  const within = [JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret.toWellFormed()), ...inBase64]
  const slashed = within.map((text) => text.replaceAll('/', '\\/'))
  const exact = new Set([secret, ...inBase64, ...[...within, ...slashed].flatMap(base64Of)])
  const hex = { text: Buffer.from(secret, 'utf8').toString('hex'), anyCase: true }
  return [hex, ...[...exact].map((text) => ({ text, anyCase: false }))]
}

/** Returns what the base64 and base64url of any text that holds this one have, at each offset. */
function base64Of(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'utf8')
  const cores = [0, 1, 2].map((shift) => base64Core(bytes, shift))
  return [...cores, ...cores.map((core) => core.replaceAll('+', '-').replaceAll('/', '_'))]
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

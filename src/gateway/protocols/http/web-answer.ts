import { Buffer } from 'node:buffer'
import { type Json, type JsonPath, no, ok, type Result } from '../../../model/index.ts'
import type { Reading } from '../../../policy/index.ts'
import { Hidden, withoutMasked } from '../../content/mask.ts'
import { FROM_UPSTREAM, jsonFaultText, parseStrictJson } from '../../content/strict-json.ts'
import type { Answer, Contract } from '../../pipeline/line.ts'
import type { AnswerHead } from './exchange.ts'

/** Tells whether something is declared or accepted of a request's answer that needs all of it: then it is read before any is shown. */
export function isReadWhole({ declared, pinned }: Pick<Contract, 'declared' | 'pinned'>): boolean {
  const { mask, rows, settles, ids, undo, check, returns = [] } = declared
  const all = [mask, rows, settles, ids, undo, check, pinned?.output]
  return all.some((each) => each !== undefined) || returns.some(({ path }) => path.length > 0)
}

/** An origin's answer to one request, read whole: a value of JSON, or nothing where it has no body. */
export class WebAnswer implements Answer {
  readonly head: AnswerHead
  readonly said: Json
  readonly #isMasked: boolean

  constructor(head: AnswerHead, said: Json, isMasked = false) {
    this.head = head
    this.said = said
    this.#isMasked = isMasked
  }

  get failed(): boolean {
    return this.head.status >= 400
  }

  get reading(): Reading {
    const { said, failed } = this
    const headers = this.#headers.filter(([name, value]) => !(name === 'content-type' && PLAIN_TYPE.test(value)))
    const others = headers.map(([name, value]) => ({ [name]: value }))
    return failed
      ? { ruled: undefined, others: [said, ...others], failed }
      : { ruled: said, others, values: [said], failed }
  }

  without(mask: readonly JsonPath[]): WebAnswer {
    if (this.failed) return new WebAnswer(this.head, { error: 'the upstream answered with an error' }, true)
    const hidden = new Hidden()
    return new WebAnswer(this.head, hidden.repeatedIn(withoutMasked(this.said, mask, hidden)), true)
  }

  /** Returns the answer as its cell is shown it: made anew of what was judged, so that nothing else is in it. */
  get shown(): { readonly headers: AnswerHead['headers']; readonly body: Uint8Array } {
    const body = this.said === null ? new Uint8Array() : Buffer.from(JSON.stringify(this.said))
    return { headers: [...this.#headers, ['content-length', String(body.length)]], body }
  }

  /** Headers that its cell is shown: each of them stands beside what the paths of a declaration speak of, but for a plain type. */
  get #headers(): AnswerHead['headers'] {
    const { headers } = this.head
    if (!this.#isMasked) return headers.filter(([name]) => !UNSHOWN.has(name))
    const [, type] = headers.find(([name]) => name === 'content-type') ?? []
    return type === undefined ? [] : [['content-type', PLAIN_TYPE.test(type) ? type : 'application/json']]
  }
}

/** The type of an answer that is JSON, which says nothing else. */
const PLAIN_TYPE = /^application\/(?:(?:problem|hal|ld|vnd\.api)\+)?json(?:; ?charset=utf-8)?$/i

/**
 * Headers, in lower case, that speak of the very bytes of a body, of keeping it, or of the server alone. No client needs them
 * for a value that was made anew, and an answer with them would have every label of its declaration.
 */
const UNSHOWN: ReadonlySet<string> = new Set([
  ...['content-length', 'etag', 'content-md5', 'digest', 'repr-digest', 'content-digest', 'accept-ranges'],
  ...['cache-control', 'age', 'expires', 'pragma', 'vary', 'date', 'server', 'x-powered-by', 'x-request-id'],
  ...['strict-transport-security', 'x-content-type-options', 'x-frame-options', 'x-xss-protection'],
  ...['content-security-policy', 'referrer-policy', 'server-timing', 'nel', 'report-to'],
])

/** Returns an answer in the form in which the ledger keeps it: the status alone, then the body as it came. */
export function keptAnswer(status: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n\r\n`), body])
}

/** Reads what `keptAnswer` wrote; undefined of anything else. */
export function answerKept(bytes: Uint8Array): WebAnswer | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [head, status] = /^HTTP\/1\.1 (\d{3})\r\n\r\n/.exec(text.subarray(0, 32).toString('latin1')) ?? []
  if (head === undefined) return undefined
  const read = valueIn({ status: Number(status), headers: [] }, text.subarray(head.length))
  return read.ok ? read.value : undefined
}

/**
 * Statuses of what is no answer by itself: a part of one (RFC 9110, 15.3.7), what has changed of one (RFC 3229, 10.4.1), or
 * that one which was kept is still right (RFC 9110, 15.4.5). What a cell cuts out of a value has other paths than it has
 * there, and so other labels.
 */
const PARTS: ReadonlySet<number> = new Set([206, 226, 304])

/** Reads a body as the value that it is. The error says why nobody can. Of an error its text is a value, whatever it is. */
export function valueIn(head: AnswerHead, body: Uint8Array): Result<WebAnswer, string> {
  if (PARTS.has(head.status)) return no(`it is a part of an answer, or none (HTTP ${head.status})`)
  if (body.length === 0) return ok(new WebAnswer(head, null))
  const json = parseStrictJson(body, FROM_UPSTREAM)
  if (json.ok) return ok(new WebAnswer(head, json.value))
  if (head.status < 400) return no(`its answer is no JSON: ${jsonFaultText(json.reason)}`)
  return ok(new WebAnswer(head, Buffer.from(body).toString('utf8').toWellFormed()))
}

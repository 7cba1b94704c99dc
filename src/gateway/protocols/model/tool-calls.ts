import { createHash } from 'node:crypto'
import { canonicalText } from '../../../ledger/log/canonical.ts'
import { type Json, type Sha256, sha256 } from '../../../model/index.ts'
import { FROM_UPSTREAM, parseStrictText } from '../../content/strict-json.ts'

/** A tool that a model asked its client to call, to be joined with the call that then comes in. */
export interface ModelToolCall {
  readonly name: string
  /** Undefined where the provider gave it none. */
  readonly id: string | undefined
  /** Digest of the canonical form (RFC 8785) of its arguments; undefined where they are no JSON, or too long. */
  readonly digest: Sha256 | undefined
}

/** Calls of one answer that are told; models ask for some ten at once. */
export const CALLS_MAX = 256
/** Characters of the arguments of all calls that are under way at a time, and of a name. */
const ARGUMENT_CHARACTERS_MAX = 4_194_304
const NAME_CHARACTERS_MAX = 256
/** Bytes of memory that a piece of arguments takes beside its characters. */
const PIECE_BYTES = 64

/** A call whose arguments are coming; `pieces` is undefined where they are too long. */
interface OpenCall {
  name: string
  id: string | undefined
  pieces: string[] | undefined
}

/** Collects the calls of one answer, whose arguments come whole or in pieces. Every byte was written by a model. */
export class ToolCalls {
  readonly #done: ModelToolCall[] = []
  readonly #open = new Map<string, OpenCall>()
  #characters = 0
  #pieces = 0

  get all(): readonly ModelToolCall[] {
    return this.#done
  }

  /** Bytes of memory of the arguments of calls that are under way. */
  get held(): number {
    return 2 * this.#characters + PIECE_BYTES * this.#pieces
  }

  /** Takes a call whose arguments are a value of JSON. */
  add(name: unknown, id: unknown, args: Json | undefined): void {
    this.#push(name, id, args === undefined ? undefined : digestOf(args))
  }

  /** Takes a call whose arguments are a text that is JSON. */
  addText(name: unknown, id: unknown, args: unknown): void {
    this.#push(name, id, typeof args === 'string' ? digestOfText(args) : undefined)
  }

  /** Begins a call whose arguments come in pieces, or names one that has begun. */
  begin(key: string, name: unknown, id: unknown): void {
    const open = this.#open.get(key)
    if (open !== undefined) {
      if (open.name === '' && typeof name === 'string') open.name = name.slice(0, NAME_CHARACTERS_MAX)
      open.id ??= textOf(id)
      return
    }
    if (this.#open.size + this.#done.length >= CALLS_MAX) return
    this.#open.set(key, { name: textOf(name) ?? '', id: textOf(id), pieces: [] })
  }

  piece(key: string, text: unknown): void {
    const open = this.#open.get(key)
    if (open?.pieces === undefined || typeof text !== 'string' || text === '') return
    if (this.#characters + text.length > ARGUMENT_CHARACTERS_MAX) return this.#forget(open)
    this.#characters += text.length
    this.#pieces++
    open.pieces.push(text)
  }

  /** Ends a call; without a key, all. */
  end(key?: string): void {
    for (const each of key === undefined ? [...this.#open.keys()] : [key]) {
      const open = this.#open.get(each)
      if (open === undefined) continue
      this.#open.delete(each)
      const text = open.pieces?.join('')
      this.#forget(open)
      this.#push(open.name, open.id, text === undefined ? undefined : digestOfText(text === '' ? '{}' : text))
    }
  }

  /** Forgets the calls that are under way. */
  drop(): void {
    this.#open.clear()
    this.#characters = 0
    this.#pieces = 0
  }

  /** Forgets the arguments of a call. */
  #forget(open: OpenCall): void {
    for (const { length } of open.pieces ?? []) this.#characters -= length
    this.#pieces -= open.pieces?.length ?? 0
    open.pieces = undefined
  }

  #push(name: unknown, id: unknown, digest: Sha256 | undefined): void {
    const known = textOf(name)
    if (known === undefined || known === '' || this.#done.length >= CALLS_MAX) return
    this.#done.push({ name: known, id: textOf(id), digest })
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, NAME_CHARACTERS_MAX) : undefined
}

function digestOfText(text: string): Sha256 | undefined {
  const json = text.length > ARGUMENT_CHARACTERS_MAX ? undefined : parseStrictText(text, FROM_UPSTREAM)
  return json?.ok ? digestOf(json.value) : undefined
}

function digestOf(value: Json): Sha256 | undefined {
  const text = canonicalText(value, FROM_UPSTREAM.depthMax)
  return text.ok ? sha256(createHash('sha256').update(text.value).digest('hex')) : undefined
}

import { Buffer } from 'node:buffer'
import { no, ok, type Result } from '../../../model/index.ts'
import { FLUSH, type Pkt, PktReader, pkt, pktText } from './pkt-line.ts'
import { isNoObject, isObjectName, isRefName, type ObjectFormat } from './ref-name.ts'

/** One ref that a push wants to be another. Both names are those of no object where it is made, or taken away. */
export interface RefUpdate {
  readonly ref: string
  readonly from: string
  readonly to: string
}

/**
 * All that stands before the pack of a push (gitprotocol-pack, "Reference Update Request").
 *
 * - GP1  No ref stands there twice, and each update changes what it names.
 * - GP2  Its capabilities are among `PUSH_CAPABILITIES`: nothing of it means what this reader does not know.
 */
export interface GitPush {
  readonly format: ObjectFormat
  readonly updates: readonly RefUpdate[]
  /** Capabilities as they came, in their order. */
  readonly capabilities: readonly string[]
  /** Words to the server that are not git's own (`ci.skip`, `merge_request.create`). */
  readonly options: readonly string[]
  /** Commits at which the history of a shallow clone ends. */
  readonly shallow: readonly string[]
  /** False of one that only takes refs away. */
  readonly hasPack: boolean
}

/** Updates of one push. */
export const PUSH_UPDATES_MAX = 256
/** Bytes before the pack of a push. */
export const PUSH_HEAD_BYTES_MAX = 262_144
/** Options of a push, and commits at which a shallow history ends. */
export const PUSH_OPTIONS_MAX = 16
export const SHALLOW_MAX = 1_024

/** Capabilities that a push may name: what each needs of the one who reads it is here. */
export const PUSH_CAPABILITIES: ReadonlySet<string> = new Set([
  ...['report-status', 'report-status-v2', 'side-band-64k', 'quiet', 'atomic', 'ofs-delta', 'delete-refs'],
  ...['agent', 'object-format', 'push-options'],
])
/** Capabilities with which a push means something else, and that a grant lists where they may be used. */
export const MEANINGFUL_CAPABILITIES = ['atomic', 'push-options'] as const

/** Reads what stands before the pack of a push, in pieces. A problem is its last word. */
export class PushReader {
  readonly #pkts = new PktReader(PUSH_HEAD_BYTES_MAX)
  readonly #updates: RefUpdate[] = []
  readonly #refs = new Set<string>()
  readonly #shallow: string[] = []
  readonly #options: string[] = []
  #capabilities: readonly string[] = []
  #format: ObjectFormat = 'sha1'
  #stage: 'updates' | 'options' | 'probe' | 'read' = 'updates'
  #problem: string | undefined

  /** Takes a piece; returns the push once all that precedes its pack is here. */
  push(piece: Uint8Array): Result<GitPush | undefined, string> {
    if (this.#problem === undefined && this.#stage === 'read') return this.#fault('its head was read before')
    this.#pkts.push(piece)
    for (;;) {
      if (this.#problem !== undefined) return no(this.#problem)
      if (this.#stage === 'probe' && this.#pkts.waiting > 0) return this.#fault('it begins with a flush and goes on')
      const next = this.#pkts.next()
      if (!next.ok) return this.#fault(next.reason)
      if (next.value === undefined) return ok(undefined)
      const problem = this.#stage === 'updates' ? this.#update(next.value) : this.#option(next.value)
      if (problem !== undefined) return this.#fault(problem)
      if (this.#stage === 'read') return this.#whole()
    }
  }

  /** Says what a body was that ended before `push` returned one; git sends a lone flush to learn whether it may send more. */
  end(): Result<'probe', string> {
    if (this.#problem !== undefined) return no(this.#problem)
    return this.#stage === 'probe' ? ok('probe') : this.#fault('it ends before its pack')
  }

  /** Takes out what has come of the pack. */
  rest(): Uint8Array {
    return this.#pkts.rest()
  }

  #whole(): Result<GitPush, string> {
    const hasPack = this.#updates.some(({ to }) => !isNoObject(to))
    if (!hasPack && this.#pkts.waiting > 0) return this.#fault('it only takes refs away, and brings a pack')
    return ok({
      format: this.#format,
      updates: this.#updates,
      capabilities: this.#capabilities,
      options: this.#options,
      shallow: this.#shallow,
      hasPack,
    })
  }

  #update(read: Pkt): string | undefined {
    if (read.kind === 'flush') {
      if (this.#updates.length > 0) this.#stage = this.#capabilities.includes('push-options') ? 'options' : 'read'
      else if (this.#shallow.length > 0) return 'it changes no ref'
      else this.#stage = 'probe'
      return undefined
    }
    if (read.kind !== 'data') return 'it has a packet that no push has'
    const nul = read.bytes.indexOf(0)
    const text = pktText(nul < 0 ? read.bytes : read.bytes.subarray(0, nul))
    if (text === undefined) return 'it has a line that is no text'
    if (text.startsWith('push-cert')) return 'it is signed, which is not passed on: push with --no-signed'
    const [, ends] = /^shallow ([0-9a-f]+)$/.exec(text) ?? []
    if (ends !== undefined) {
      if (this.#updates.length > 0 || nul >= 0) return 'it has a shallow line among its refs'
      if (this.#shallow.push(ends) > SHALLOW_MAX) return `its history ends at more than ${SHALLOW_MAX} commits`
      return undefined
    }
    // A server reads capabilities behind every line; a person reads them once.
    if (nul >= 0 !== (this.#updates.length === 0)) return 'its capabilities do not stand at its first ref alone'
    if (nul >= 0) {
      const problem = this.#capable(read.bytes.subarray(nul + 1))
      if (problem !== undefined) return problem
    }
    return this.#ref(text)
  }

  #capable(bytes: Uint8Array): string | undefined {
    const text = pktText(bytes)
    if (text === undefined) return 'its capabilities are no text'
    const all = text.split(' ').filter((each) => each !== '')
    const names = all.map((each) => each.split('=', 1)[0] ?? '')
    const unknown = names.find((each) => !PUSH_CAPABILITIES.has(each))
    if (unknown !== undefined) return `it asks for ${JSON.stringify(unknown)}, which is not passed on`
    if (new Set(names).size < names.length) return 'it names a capability twice'
    for (const each of all) {
      const [name = '', value] = splitOnce(each, '=')
      if ((value !== undefined) !== (name === 'agent' || name === 'object-format'))
        return `it asks for ${JSON.stringify(each)}, which means nothing`
      if (name !== 'object-format') continue
      if (value !== 'sha1' && value !== 'sha256') return `its objects are named by ${value}, which is not known`
      this.#format = value
    }
    if (this.#shallow.some((each) => !isObjectName(each, this.#format))) return 'a shallow line names no object'
    // Without them a refusal cannot be told, and git would take it for a success.
    if (!names.includes('report-status') && !names.includes('report-status-v2'))
      return 'it does not ask what became of it'
    this.#capabilities = all
    return undefined
  }

  #ref(text: string): string | undefined {
    const [from = '', to = '', ...rest] = text.split(' ')
    const ref = rest.join(' ')
    if (!isObjectName(from, this.#format) || !isObjectName(to, this.#format))
      return `it has a line that names no two objects of ${this.#format}`
    if (!isRefName(ref)) return `it has ${JSON.stringify(ref)}, which is no ref's full name`
    if (from === to) return `it changes nothing at ${ref}`
    if (this.#refs.has(ref)) return `it has ${ref} twice`
    if (this.#updates.push({ ref, from, to }) > PUSH_UPDATES_MAX) return `it has more than ${PUSH_UPDATES_MAX} refs`
    this.#refs.add(ref)
    return undefined
  }

  #option(read: Pkt): string | undefined {
    if (read.kind === 'flush') {
      this.#stage = 'read'
      return undefined
    }
    const text = read.kind === 'data' ? pktText(read.bytes) : undefined
    if (text === undefined || text === '') return 'it has an option that is no text'
    if (this.#options.push(text) > PUSH_OPTIONS_MAX) return `it has more than ${PUSH_OPTIONS_MAX} options`
    return undefined
  }

  #fault(problem: string): Result<never, string> {
    this.#problem ??= problem
    this.#pkts.rest()
    return no(this.#problem)
  }
}

/** Returns what of a push means more than its refs say, and is not among what may. */
export function unlistedMeanings({ capabilities }: GitPush, listed: ReadonlySet<string>): readonly string[] {
  return MEANINGFUL_CAPABILITIES.filter((each) => capabilities.includes(each) && !listed.has(each))
}

/** Writes the head of a push from what was read of it, as git does. */
export function writePush({ updates, capabilities, options, shallow }: GitPush): Uint8Array {
  const lines = updates.map(({ from, to, ref }, i) =>
    pkt(`${from} ${to} ${ref}${i === 0 ? `\0${capabilities.map((each) => ` ${each}`).join('')}` : ''}`),
  )
  const told = capabilities.includes('push-options') ? [...options.map((each) => pkt(each)), FLUSH] : []
  return Buffer.concat([...shallow.map((each) => pkt(`shallow ${each}`)), ...lines, FLUSH, ...told])
}

/** Cuts a text at the first place of a mark; the second part is undefined where there is none. */
export function splitOnce(text: string, mark: string): readonly [string, string?] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + mark.length)]
}

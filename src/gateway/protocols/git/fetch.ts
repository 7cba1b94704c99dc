import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { no, ok, type Result, shortDigest } from '../../../model/index.ts'
import type { GitVersion } from './git-request.ts'
import { DELIMITER, FLUSH, type Pkt, PktReader, pkt, pktText } from './pkt-line.ts'
import { isObjectName, isRefName, type ObjectFormat } from './ref-name.ts'

/**
 * What a fetch asks of a repository, in any version of the protocol.
 *
 * - GF1  Each line is one that this reader knows: it asks for objects, refs and a history, and for nothing from elsewhere.
 */
export interface GitFetch {
  readonly kind: 'fetch'
  readonly format: ObjectFormat
  readonly wants: readonly string[]
  /** Refs that are wanted by name (version 2). */
  readonly wantedRefs: readonly string[]
  /** Refs whose history is left out (`deepen-not`). */
  readonly unwantedRefs: readonly string[]
  readonly haves: readonly string[]
  /** Commits at which the asker's history ends. */
  readonly shallow: readonly string[]
  /** Commits of history that are wanted; undefined where all are. */
  readonly depth: number | undefined
  /** Objects that are left out, as git writes it (`blob:none`). */
  readonly filter: string | undefined
  /** The word by which it asks for tags of what it wants (`include-tag`); undefined where it does not. */
  readonly tagsWord: TagsWord | undefined
}

/** A question for refs, in version 2. */
export interface GitRefsQuestion {
  readonly kind: 'ls-refs'
  readonly format: ObjectFormat
  /** Beginnings of the names that are asked for; none where all are. */
  readonly prefixes: readonly string[]
  /** True where its answer is to name what symbolic refs stand for. */
  readonly symrefs: boolean
  /** True where it has lines of its own, behind a delimiter. */
  readonly hasLines: boolean
}

/** A request to `git-upload-pack` as it was read. */
export interface ReadFetch {
  readonly asked: GitFetch | GitRefsQuestion
  /** Digest of its body, in short: who approves what it asks for has not seen the rest of it. */
  readonly digest: string
}

/** Bytes of a fetch request, also unpacked: 16,384 commits that are had take 820 KB. */
export const FETCH_BYTES_MAX = 2_097_152
/** Packets of a fetch request. Git sends a line of 49 bytes and more for each commit, and few others: more do not go into its bytes. */
export const FETCH_PACKETS_MAX = 42_800
/** Objects that one fetch wants; a clone of a repository with many refs wants each of them. */
export const WANTS_MAX = 16_384
/** Bytes that are read at once: some three hundred packets take a millisecond. */
export const FETCH_STEP_BYTES = 16_384

/**
 * Reads the body of a POST to `git-upload-pack`. The error says what is wrong with it. Before each step it yields the bytes that
 * are left: whoever sends them chooses how long reading them takes.
 */
export function* readFetch(bytes: Uint8Array, version: GitVersion): Generator<number, Result<ReadFetch, string>, void> {
  if (bytes.length > FETCH_BYTES_MAX) return no(`it has more than ${FETCH_BYTES_MAX} bytes`)
  const pkts = new PktReader(FETCH_BYTES_MAX)
  const reader = version === 2 ? new CommandReader() : new WantsReader()
  const digest = createHash('sha256')
  let [packets, from] = [0, 0]
  for (let at = 0; at < bytes.length; at += FETCH_STEP_BYTES) {
    yield bytes.length - at
    const piece = bytes.subarray(at, at + FETCH_STEP_BYTES)
    digest.update(piece)
    pkts.push(piece)
    for (;;) {
      const next = pkts.next()
      if (!next.ok) return next
      if (next.value === undefined) break
      if (++packets > FETCH_PACKETS_MAX) return no(`it has more than ${FETCH_PACKETS_MAX} packets`)
      const to = from + 4 + (next.value.kind === 'data' ? next.value.bytes.length : 0)
      const problem = reader.take(next.value, { from, to })
      if (problem !== undefined) return no(problem)
      from = to
    }
  }
  if (pkts.waiting > 0) return no('its last packet is not whole')
  const asked = reader.end()
  return asked.ok ? ok({ asked: asked.value, digest: shortDigest(digest) }) : asked
}

/** The bytes of one packet in a body. */
interface Span {
  readonly from: number
  readonly to: number
}

/** The word in a body by which tags come that were not wanted, and what stands there without it. */
interface TagsWord extends Span {
  readonly instead: Uint8Array
}

/** Returns the body of a fetch without the word for which a server adds each tag of what it sends, also those that no list has shown. */
export function withoutTags(bytes: Uint8Array, { tagsWord }: Pick<GitFetch, 'tagsWord'>): Uint8Array {
  if (tagsWord === undefined) return bytes
  const { from, to, instead } = tagsWord
  return Buffer.concat([bytes.subarray(0, from), instead, bytes.subarray(to)])
}

/**
 * Returns the body of a question for refs, whose answer names what symbolic refs stand for: whether one is shown is told by
 * that, and not left to whoever asks.
 */
export function withSymrefs(bytes: Uint8Array, { symrefs, hasLines }: GitRefsQuestion): Uint8Array {
  if (symrefs) return bytes
  const lines = [...(hasLines ? [] : [DELIMITER]), pkt('symrefs\n'), FLUSH]
  return Buffer.concat([bytes.subarray(0, bytes.length - FLUSH.length), ...lines])
}

/** Capabilities of a fetch in versions 0 and 1. */
export const FETCH_CAPABILITIES: ReadonlySet<string> = new Set([
  ...['multi_ack', 'multi_ack_detailed', 'thin-pack', 'side-band', 'side-band-64k', 'ofs-delta', 'shallow', 'no-done'],
  ...[
    'deepen-since',
    'deepen-not',
    'deepen-relative',
    'no-progress',
    'include-tag',
    'filter',
    'agent',
    'object-format',
  ],
  ...['allow-tip-sha1-in-want', 'allow-reachable-sha1-in-want'],
])

class FetchLines {
  readonly wants: string[] = []
  readonly wantedRefs: string[] = []
  readonly unwantedRefs: string[] = []
  readonly haves: string[] = []
  readonly shallow: string[] = []
  format: ObjectFormat = 'sha1'
  tagsWord: TagsWord | undefined
  /** Names that may stand there once, of those that did. */
  readonly #said = new Set<string>()
  #depth: number | undefined
  #filter: string | undefined

  /** Notes a name that may stand there once; returns what is wrong with it. Git says nothing twice, and each line takes its time. */
  has(name: string): boolean {
    return this.#said.has(name)
  }

  once(name: string): string | undefined {
    if (this.#said.has(name)) return `it says ${name} twice`
    this.#said.add(name)
    return undefined
  }

  /** Takes a line that both versions have; returns what is wrong with it. */
  take(text: string): string | undefined {
    const space = text.indexOf(' ')
    const [word, value] = space < 0 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)]
    if (word === 'want' || word === 'have' || word === 'shallow') {
      if (!isObjectName(value, this.format)) return `${JSON.stringify(text.slice(0, 80))} names no object`
      const list = word === 'want' ? this.wants : word === 'have' ? this.haves : this.shallow
      return list.push(value) > WANTS_MAX && word === 'want' ? `it wants more than ${WANTS_MAX} objects` : undefined
    }
    if (word === 'deepen') {
      if (!/^\d{1,10}$/.test(value) || this.#depth !== undefined) return 'it has no depth that one may have'
      this.#depth = Number(value)
      return undefined
    }
    if (word === 'filter') {
      if (!/^[a-z0-9:=+%.-]{1,200}$/i.test(value) || this.#filter !== undefined)
        return 'it has no filter that one may have'
      // Objects that are named in a file of the upstream's are not told by this request.
      if (/sparse/i.test(value) || value.includes('%')) return `the filter ${value} is not passed on`
      this.#filter = value
      return undefined
    }
    if (word === 'deepen-since') return /^\d{1,12}$/.test(value) ? this.once(word) : 'it has no time that one may have'
    if (word === 'deepen-not') {
      if (!isRefName(value)) return `${JSON.stringify(value)} is no ref's full name`
      return this.unwantedRefs.push(value) > WANTS_MAX ? `it leaves out more than ${WANTS_MAX} refs` : undefined
    }
    return `it has a line ${JSON.stringify(text.slice(0, 80))}, which is not passed on`
  }

  /** Returns all that was taken. */
  whole(): GitFetch {
    const { wants, wantedRefs, unwantedRefs, haves, shallow, format, tagsWord } = this
    const [depth, filter] = [this.#depth, this.#filter]
    return { kind: 'fetch', format, wants, wantedRefs, unwantedRefs, haves, shallow, depth, filter, tagsWord }
  }
}

/** Reads a fetch of versions 0 and 1 (gitprotocol-pack): all rounds that were made so far stand in one body. */
class WantsReader {
  readonly #lines = new FetchLines()
  #part: 'wants' | 'haves' | 'over' = 'wants'

  /** Takes the next packet; returns what is wrong with it. */
  take(read: Pkt, span: Span): string | undefined {
    if (this.#part === 'over') return 'it goes on after it is done'
    if (read.kind === 'flush') {
      this.#part = 'haves'
      return undefined
    }
    const text = read.kind === 'data' ? pktText(read.bytes) : undefined
    if (text === undefined) return 'it has a line that is no text'
    if (this.#part === 'haves') {
      if (text === 'done') this.#part = 'over'
      else if (!text.startsWith('have ')) return `it has ${JSON.stringify(text.slice(0, 80))} among what it has`
      return text === 'done' ? undefined : this.#lines.take(text)
    }
    if (text.startsWith('have ')) return 'it has something before it wants anything'
    const [, first, asked] = this.#lines.wants.length > 0 ? [] : (/^(want [0-9a-f]+)(?: (.*))?$/.exec(text) ?? [])
    const problem = first === undefined || asked === undefined ? undefined : this.#capable(first, asked, span)
    return problem ?? this.#lines.take(first ?? text)
  }

  /** Returns what was read, or what it lacks. */
  end(): Result<GitFetch, string> {
    return this.#lines.wants.length === 0 ? no('it wants nothing') : ok(this.#lines.whole())
  }

  #capable(first: string, asked: string, span: Span): string | undefined {
    const all = asked.split(' ').filter((name) => name !== '')
    for (const each of all) {
      const [name = ''] = each.split('=', 1)
      if (!FETCH_CAPABILITIES.has(name)) return `it asks for ${JSON.stringify(name)}, which is not passed on`
      const again = this.#lines.once(name)
      if (again !== undefined) return again
      if (name === 'object-format') {
        const format = formatIn(each)
        if (format === undefined) return `it asks for ${JSON.stringify(each)}, which is not known`
        this.#lines.format = format
      }
    }
    const others = all.filter((each) => each !== TAGS_WORD)
    if (others.length < all.length)
      this.#lines.tagsWord = { ...span, instead: pkt(`${[first, ...others].join(' ')}\n`) }
    return undefined
  }
}

/** The word by which a fetch asks for each tag that names something of what is sent. */
const TAGS_WORD = 'include-tag'

function formatIn(capability: string): ObjectFormat | undefined {
  const [, format] = /^object-format=(sha1|sha256)$/.exec(capability) ?? []
  return format === 'sha1' || format === 'sha256' ? format : undefined
}

/** Lines of a fetch of version 2 that only say how its answer is to be written, each once. */
const MANNERS: ReadonlySet<string> = new Set([
  ...['done', 'thin-pack', 'no-progress', TAGS_WORD, 'ofs-delta', 'deepen-relative', 'wait-for-done'],
])

/** Lines of a question for refs that only say how its answer is to be written, each once. */
const REFS_MANNERS: ReadonlySet<string> = new Set(['peel', 'symrefs', 'unborn'])

/** Beginnings of names that one question has; git sends some ten. */
const PREFIXES_MAX = 4_096

/** Reads a request of version 2 (gitprotocol-v2). */
class CommandReader {
  readonly #lines = new FetchLines()
  readonly #prefixes: string[] = []
  #command = ''
  #hasLines = false
  #part: 'command' | 'capabilities' | 'lines' | 'over' = 'command'

  /** Takes the next packet; returns what is wrong with it. */
  take(read: Pkt, span: Span): string | undefined {
    if (this.#part === 'over') return 'it goes on after its end'
    if (read.kind === 'flush') {
      this.#part = 'over'
      return undefined
    }
    if (read.kind === 'delimiter' && this.#part !== 'lines') {
      this.#part = 'lines'
      this.#hasLines = true
      return undefined
    }
    const text = read.kind === 'data' ? pktText(read.bytes) : undefined
    if (text === undefined) return 'it has a line that is no text'
    if (this.#part === 'command') return this.#begin(text)
    if (this.#part === 'capabilities') return this.#named(text)
    return this.#command === 'command=fetch' ? this.#fetchLine(text, span) : this.#refsLine(text)
  }

  /** Returns what was read, or what it lacks. */
  end(): Result<GitFetch | GitRefsQuestion, string> {
    const { wants, wantedRefs, format } = this.#lines
    if (this.#part !== 'over' || this.#command === '') return no('it is no whole request')
    if (this.#command === 'command=ls-refs') return ok({ kind: 'ls-refs', format, ...this.#asked() })
    return wants.length + wantedRefs.length === 0 ? no('it wants nothing') : ok(this.#lines.whole())
  }

  #asked(): Pick<GitRefsQuestion, 'prefixes' | 'symrefs' | 'hasLines'> {
    return { prefixes: this.#prefixes, symrefs: this.#lines.has('symrefs'), hasLines: this.#hasLines }
  }

  #begin(text: string): string | undefined {
    if (text !== 'command=fetch' && text !== 'command=ls-refs')
      return `it has ${JSON.stringify(text.slice(0, 80))} for a command, which is not passed on`
    this.#command = text
    this.#part = 'capabilities'
    return undefined
  }

  #named(text: string): string | undefined {
    const [name = ''] = text.split('=', 1)
    if (/^(?:agent|session-id)=[!-~]+$/.test(text)) return this.#lines.once(name)
    const format = formatIn(text)
    if (format === undefined) return `it asks for ${JSON.stringify(text.slice(0, 80))}, which is not passed on`
    this.#lines.format = format
    return this.#lines.once(name)
  }

  #fetchLine(text: string, span: Span): string | undefined {
    if (text === TAGS_WORD) this.#lines.tagsWord = { ...span, instead: new Uint8Array() }
    if (MANNERS.has(text)) return this.#lines.once(text)
    const [, ref] = /^want-ref (.*)$/.exec(text) ?? []
    if (ref === undefined) return this.#lines.take(text)
    if (!isRefName(ref)) return `${JSON.stringify(ref.slice(0, 80))} is no ref's full name`
    return this.#lines.wantedRefs.push(ref) > WANTS_MAX ? `it wants more than ${WANTS_MAX} refs` : undefined
  }

  #refsLine(text: string): string | undefined {
    if (REFS_MANNERS.has(text)) return this.#lines.once(text)
    const [, prefix] = /^ref-prefix (.+)$/.exec(text) ?? []
    if (prefix === undefined) return `it has a line ${JSON.stringify(text.slice(0, 80))}, which is not passed on`
    return this.#prefixes.push(prefix) > PREFIXES_MAX
      ? `it has more than ${PREFIXES_MAX} beginnings of names`
      : undefined
  }
}

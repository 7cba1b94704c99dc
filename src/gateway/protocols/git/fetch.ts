import { gunzipSync } from 'node:zlib'
import { no, ok, type Result } from '../../../model/index.ts'
import type { GitVersion } from './git-request.ts'
import { type Pkt, pktsIn, pktText } from './pkt-line.ts'
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
}

/** A question for refs, in version 2. */
export interface GitRefsQuestion {
  readonly kind: 'ls-refs'
  readonly format: ObjectFormat
  /** Beginnings of the names that are asked for; none where all are. */
  readonly prefixes: readonly string[]
}

/** Bytes of a fetch request, also unpacked: 16,384 commits that are had take 820 KB. */
export const FETCH_BYTES_MAX = 2_097_152
/** Objects that one fetch wants; a clone of a repository with many refs wants each of them. */
export const WANTS_MAX = 16_384

/** Returns the body of a fetch as it was before it was compressed. */
export function plainFetch(bytes: Uint8Array, gzip: boolean): Result<Uint8Array, string> {
  const tooLong = `it has more than ${FETCH_BYTES_MAX} bytes`
  if (bytes.length > FETCH_BYTES_MAX) return no(tooLong)
  if (!gzip) return ok(bytes)
  try {
    return ok(gunzipSync(bytes, { maxOutputLength: FETCH_BYTES_MAX }))
  } catch (error) {
    const isLong = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return no(isLong ? tooLong : 'its content cannot be unpacked')
  }
}

/** Reads the body of a POST to `git-upload-pack`. The error says what is wrong with it. */
export function readFetch(bytes: Uint8Array, version: GitVersion): Result<GitFetch | GitRefsQuestion, string> {
  if (bytes.length > FETCH_BYTES_MAX) return no(`it has more than ${FETCH_BYTES_MAX} bytes`)
  const pkts = pktsIn(bytes)
  if (!pkts.ok) return pkts
  return version === 2 ? readCommand(pkts.value) : readWants(pkts.value)
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
  #depth: number | undefined
  #filter: string | undefined

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
    if (word === 'deepen-since') return /^\d{1,12}$/.test(value) ? undefined : 'it has no time that one may have'
    if (word === 'deepen-not') {
      if (!isRefName(value)) return `${JSON.stringify(value)} is no ref's full name`
      return this.unwantedRefs.push(value) > WANTS_MAX ? `it leaves out more than ${WANTS_MAX} refs` : undefined
    }
    return `it has a line ${JSON.stringify(text.slice(0, 80))}, which is not passed on`
  }

  /** Returns all that was taken. */
  whole(): GitFetch {
    const { wants, wantedRefs, unwantedRefs, haves, shallow, format } = this
    const [depth, filter] = [this.#depth, this.#filter]
    return { kind: 'fetch', format, wants, wantedRefs, unwantedRefs, haves, shallow, depth, filter }
  }
}

/** Reads a fetch of versions 0 and 1 (gitprotocol-pack): all rounds that were made so far stand in one body. */
function readWants(pkts: readonly Pkt[]): Result<GitFetch, string> {
  const lines = new FetchLines()
  let part: 'wants' | 'haves' | 'over' = 'wants'
  for (const each of pkts) {
    if (part === 'over') return no('it goes on after it is done')
    if (each.kind === 'flush') {
      part = 'haves'
      continue
    }
    const text = each.kind === 'data' ? pktText(each.bytes) : undefined
    if (text === undefined) return no('it has a line that is no text')
    if (part === 'haves') {
      if (text === 'done') part = 'over'
      else if (!text.startsWith('have ')) return no(`it has ${JSON.stringify(text.slice(0, 80))} among what it has`)
    }
    if (part === 'over') continue
    const [, first, asked] = lines.wants.length > 0 ? [] : (/^(want [0-9a-f]+)(?: (.*))?$/.exec(text) ?? [])
    if (first !== undefined) {
      const problem = asked === undefined ? undefined : capable(asked, lines)
      if (problem !== undefined) return no(problem)
    }
    if (part === 'wants' && text.startsWith('have ')) return no('it has something before it wants anything')
    const problem = lines.take(first ?? text)
    if (problem !== undefined) return no(problem)
  }
  return lines.wants.length === 0 ? no('it wants nothing') : ok(lines.whole())
}

function capable(asked: string, lines: FetchLines): string | undefined {
  for (const each of asked.split(' ').filter((name) => name !== '')) {
    const [name = ''] = each.split('=', 1)
    if (!FETCH_CAPABILITIES.has(name)) return `it asks for ${JSON.stringify(name)}, which is not passed on`
    if (name === 'object-format') {
      const format = formatIn(each)
      if (format === undefined) return `it asks for ${JSON.stringify(each)}, which is not known`
      lines.format = format
    }
  }
  return undefined
}

function formatIn(capability: string): ObjectFormat | undefined {
  const [, format] = /^object-format=(sha1|sha256)$/.exec(capability) ?? []
  return format === 'sha1' || format === 'sha256' ? format : undefined
}

/** Lines of a fetch of version 2 that only say how its answer is to be written. */
const MANNERS: ReadonlySet<string> = new Set([
  ...['done', 'thin-pack', 'no-progress', 'include-tag', 'ofs-delta', 'deepen-relative', 'wait-for-done'],
])

/** Reads a request of version 2 (gitprotocol-v2). */
function readCommand(pkts: readonly Pkt[]): Result<GitFetch | GitRefsQuestion, string> {
  const lines = new FetchLines()
  const [prefixes, seen] = [[] as string[], { command: '', parts: 1 }]
  for (const [i, each] of pkts.entries()) {
    if (each.kind === 'flush' && i === pkts.length - 1) break
    if (each.kind === 'delimiter' && seen.parts === 1) {
      seen.parts = 2
      continue
    }
    const text = each.kind === 'data' ? pktText(each.bytes) : undefined
    if (text === undefined) return no('it has a line that is no text')
    let problem: string | undefined
    if (i === 0) {
      if (text !== 'command=fetch' && text !== 'command=ls-refs')
        return no(`it has ${JSON.stringify(text.slice(0, 80))} for a command, which is not passed on`)
      seen.command = text
    } else if (seen.parts === 1) problem = named(text, lines)
    else if (seen.command === 'command=fetch') problem = fetchLine(text, lines)
    else problem = refsLine(text, prefixes)
    if (problem !== undefined) return no(problem)
  }
  if (pkts.at(-1)?.kind !== 'flush' || seen.command === '') return no('it is no whole request')
  if (seen.command === 'command=ls-refs') return ok({ kind: 'ls-refs', format: lines.format, prefixes })
  return lines.wants.length + lines.wantedRefs.length === 0 ? no('it wants nothing') : ok(lines.whole())
}

function named(text: string, lines: FetchLines): string | undefined {
  if (/^(?:agent|session-id)=[!-~]+$/.test(text)) return undefined
  const format = formatIn(text)
  if (format === undefined) return `it asks for ${JSON.stringify(text.slice(0, 80))}, which is not passed on`
  lines.format = format
  return undefined
}

function fetchLine(text: string, lines: FetchLines): string | undefined {
  if (MANNERS.has(text)) return undefined
  const [, ref] = /^want-ref (.*)$/.exec(text) ?? []
  if (ref === undefined) return lines.take(text)
  if (!isRefName(ref)) return `${JSON.stringify(ref)} is no ref's full name`
  return lines.wantedRefs.push(ref) > WANTS_MAX ? `it wants more than ${WANTS_MAX} refs` : undefined
}

/** Beginnings of names that one question has; git sends some ten. */
const PREFIXES_MAX = 4_096

function refsLine(text: string, prefixes: string[]): string | undefined {
  if (text === 'peel' || text === 'symrefs' || text === 'unborn') return undefined
  const [, prefix] = /^ref-prefix (.+)$/.exec(text) ?? []
  if (prefix === undefined) return `it has a line ${JSON.stringify(text.slice(0, 80))}, which is not passed on`
  return prefixes.push(prefix) > PREFIXES_MAX ? `it has more than ${PREFIXES_MAX} beginnings of names` : undefined
}

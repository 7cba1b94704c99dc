import { Buffer } from 'node:buffer'
import { no, ok, type Result } from '../../../../model/index.ts'
import { FETCH_CAPABILITIES } from '../fetch.ts'
import type { GitService } from '../git-request.ts'
import { FLUSH, type Pkt, PktReader, pkt, pktText } from '../pkt-line.ts'
import { MEANINGFUL_CAPABILITIES, PUSH_CAPABILITIES, splitOnce } from '../push.ts'
import { isNoObject } from '../ref-name.ts'
import { unitedText } from '../repository-pattern.ts'

export interface ShownRefsOptions {
  /** A list of refs as a service gives it (any version), or the answer to `ls-refs` (version 2). */
  readonly list: GitService | 'ls-refs'
  /** Tells whether a ref is one that the asker may know of. */
  readonly shows: (ref: string) => boolean
  /** True where every ref is: objects that no shown ref names may then be named as well. */
  readonly showsAll: boolean
  /** Returns the patterns by which what a ref names may be fetched later, as one text; empty where nothing of it is remembered. */
  readonly by: (ref: string) => string
  /** Capabilities of a push that may be used, of those that mean something. */
  readonly meanings: ReadonlySet<string>
}

/** Bytes of one list of refs; a monorepo with 400,000 refs has 32 MiB. */
export const REFS_BYTES_MAX = 67_108_864
/** Names of objects that one list shows, and that are kept to know later wants by. */
export const SHOWN_OBJECTS_MAX = 65_536

/**
 * An upstream's list of refs on its way to a cell: refs that a grant does not name are left out, and capabilities that
 * would not be passed on. It is written again from what was read.
 *
 * - SR1  A line that is not understood is left out or, where the list would be another one without it, ends it.
 */
export class ShownRefs {
  readonly #options: ShownRefsOptions
  readonly #pkts = new PktReader(REFS_BYTES_MAX)
  readonly #objects = new Map<string, string>()
  /** Capabilities of versions 0 and 1 that wait for the first ref that is shown; undefined before and after. */
  #waiting: string | undefined
  #stage: 'service' | 'after-service' | 'first' | 'refs' | 'capabilities' | 'over'
  #last: { readonly ref: string; readonly isShown: boolean } | undefined
  #digits = 40
  #problem: string | undefined

  constructor(options: ShownRefsOptions) {
    this.#options = options
    this.#stage = options.list === 'ls-refs' ? 'refs' : 'service'
  }

  /** Names of objects that are shown, so many as are kept, each with the patterns by which it may be fetched. */
  get objects(): ReadonlyMap<string, string> {
    return this.#objects
  }

  /** Takes a piece of the upstream's answer; returns what of it goes on. The error ends it, and says why. */
  push(piece: Uint8Array): Result<Uint8Array, string> {
    this.#pkts.push(piece)
    const shown: Uint8Array[] = []
    for (;;) {
      if (this.#problem !== undefined) return no(this.#problem)
      const next = this.#pkts.next()
      if (!next.ok) this.#problem = next.reason
      else if (next.value === undefined) return ok(Buffer.concat(shown))
      else if (this.#stage === 'over') this.#problem = 'its list goes on after its end'
      else shown.push(...this.#pkt(next.value))
    }
  }

  /** Tells whether the answer has come to its end. */
  get isWhole(): boolean {
    return this.#stage === 'over' && this.#problem === undefined && this.#pkts.waiting === 0
  }

  #pkt(read: Pkt): readonly Uint8Array[] {
    if (read.kind === 'flush') return this.#flush()
    if (read.kind !== 'data') {
      this.#problem = 'its list has a packet that none has'
      return []
    }
    const text = lineOf(read.bytes)
    if (text === undefined) {
      this.#problem = 'its list has a line that is no text'
      return []
    }
    if (text.line.startsWith('ERR ')) {
      this.#stage = 'over'
      return [pkt(`${text.line}\n`)]
    }
    if (text.line === 'version 2' && (this.#stage === 'service' || this.#stage === 'first')) return this.#second()
    if (this.#stage === 'service') {
      if (text.line === `# service=git-${this.#options.list}`) this.#stage = 'after-service'
      else this.#problem = 'it answers with another list than was asked for'
      return [pkt(`${text.line}\n`)]
    }
    if (this.#stage === 'capabilities') return this.#capability(text.line)
    if (this.#stage === 'first' && text.line === 'version 1') return [pkt('version 1\n')]
    if (this.#stage === 'after-service') {
      this.#problem = 'its list begins without a flush'
      return []
    }
    if (this.#options.list === 'ls-refs') return this.#line(text.line)
    return this.#advertised(text)
  }

  /** Takes the first line of version 2, which most servers begin with, and some only after the name of the service. */
  #second(): readonly Uint8Array[] {
    // A push has no version 2.
    if (this.#options.list === 'upload-pack') this.#stage = 'capabilities'
    else this.#problem = 'it speaks version 2 of what has none'
    return [pkt('version 2\n')]
  }

  #flush(): readonly Uint8Array[] {
    if (this.#stage === 'after-service') {
      this.#stage = 'first'
      return [FLUSH]
    }
    if (this.#stage === 'service') {
      this.#problem = 'its list begins with a flush'
      return []
    }
    this.#stage = 'over'
    if (this.#waiting === undefined) return [FLUSH]
    const none = `${'0'.repeat(this.#digits)} capabilities^{}\0${this.#waiting}\n`
    this.#waiting = undefined
    return [pkt(none), FLUSH]
  }

  /** Takes a line of version 0 or 1: `object ref`, behind the first one its capabilities. */
  #advertised({ line, behind }: Line): readonly Uint8Array[] {
    const [, object = '', ref = ''] = /^([0-9a-f]{40}|[0-9a-f]{64}) (\S.*)$/.exec(line) ?? []
    if (this.#stage === 'first') {
      if (object === '' || behind === undefined) {
        this.#problem = 'its list has no capabilities'
        return []
      }
      this.#stage = 'refs'
      this.#digits = object.length
      this.#waiting = this.#capabilities(behind)
      if (ref === 'capabilities^{}') return []
    }
    const [, shallow] = /^shallow ([0-9a-f]+)$/.exec(line) ?? []
    if (shallow !== undefined) return this.#waiting === undefined ? [pkt(`${line}\n`)] : []
    if (object === '' || !this.#isShown(ref, this.#symbolic)) return []
    this.#keep(object, this.#symbolic.get(ref) ?? ref)
    const capabilities = this.#waiting
    this.#waiting = undefined
    return [pkt(`${object} ${ref}${capabilities === undefined ? '' : `\0${capabilities}`}\n`)]
  }

  /** Symbolic refs of versions 0 and 1, by what they stand for. */
  readonly #symbolic = new Map<string, string>()

  #capabilities(behind: string): string {
    const { list, meanings } = this.#options
    const known = list === 'receive-pack' ? PUSH_CAPABILITIES : FETCH_CAPABILITIES
    const kept = behind.split(' ').filter((each) => {
      const [name, value = ''] = splitOnce(each, '=')
      if (name === 'symref' && list === 'upload-pack') {
        const [from = '', to = ''] = value.split(':')
        this.#symbolic.set(from, to)
        return this.#isShown(from, this.#symbolic)
      }
      if (MEANINGFUL_CAPABILITIES.some((one) => one === name) && list === 'receive-pack') return meanings.has(name)
      return known.has(name)
    })
    return kept.join(' ')
  }

  /** Takes a line of the capabilities of version 2. */
  #capability(line: string): readonly Uint8Array[] {
    const [name, value] = splitOnce(line, '=')
    if (name === 'agent' || name === 'object-format' || name === 'ls-refs') return [pkt(`${line}\n`)]
    if (name !== 'fetch') return []
    const { showsAll } = this.#options
    const features = (value ?? '')
      .split(' ')
      .filter((each) => FETCH_FEATURES.has(each) && (showsAll || each !== 'ref-in-want'))
    return [pkt(features.length === 0 ? 'fetch\n' : `fetch=${features.join(' ')}\n`)]
  }

  /** Takes a line of an answer to `ls-refs`: `object ref attributes`, or `unborn ref attributes`. */
  #line(line: string): readonly Uint8Array[] {
    const [object = '', ref = '', ...attributes] = line.split(' ')
    const isObject = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(object)
    if (!isObject && object !== 'unborn') return []
    const named = new Map(attributes.map((each) => [each.split(':', 1)[0] ?? '', each.slice(each.indexOf(':') + 1)]))
    const target = named.get('symref-target')
    if (!this.#isShown(ref, target === undefined ? NONE : new Map([[ref, target]]))) return []
    const peeled = named.get('peeled')
    for (const each of [object, peeled]) if (each !== undefined && each !== 'unborn') this.#keep(each, target ?? ref)
    const told = attributes.filter((each) => /^(?:symref-target:\S+|peeled:[0-9a-f]+)$/.test(each))
    return [pkt(`${[object, ref, ...told].join(' ')}\n`)]
  }

  #isShown(ref: string, symbolic: ReadonlyMap<string, string>): boolean {
    const { shows, showsAll } = this.#options
    // What stands behind a tag goes with it.
    if (ref.endsWith('^{}')) return this.#last?.ref === ref.slice(0, -3) && this.#last.isShown
    const target = symbolic.get(ref)
    const isRef = ref.startsWith('refs/') || ref === 'HEAD'
    const own = ref === 'HEAD' ? showsAll || (target !== undefined && shows(target)) : shows(ref)
    const isShown = isRef && own && (target === undefined || shows(target))
    this.#last = { ref, isShown }
    return isShown
  }

  #keep(object: string, ref: string): void {
    const by = this.#options.by(ref.replace(/\^\{\}$/, ''))
    if (by === '' || isNoObject(object)) return
    const before = this.#objects.get(object)
    if (before !== undefined) this.#objects.set(object, unitedText(before, by))
    else if (this.#objects.size < SHOWN_OBJECTS_MAX) this.#objects.set(object, by)
  }
}

/** Features of a fetch of version 2 that are passed on; the others name places elsewhere, or change how it is written. */
const FETCH_FEATURES: ReadonlySet<string> = new Set(['shallow', 'filter', 'ref-in-want', 'wait-for-done'])
const NONE: ReadonlyMap<string, string> = new Map()

interface Line {
  readonly line: string
  /** Text behind a NUL. */
  readonly behind: string | undefined
}

function lineOf(bytes: Uint8Array): Line | undefined {
  const nul = bytes.indexOf(0)
  const line = pktText(nul < 0 ? bytes : bytes.subarray(0, nul))
  const behind = nul < 0 ? undefined : pktText(bytes.subarray(nul + 1))
  if (line === undefined || (nul >= 0 && behind === undefined)) return undefined
  return { line, behind }
}

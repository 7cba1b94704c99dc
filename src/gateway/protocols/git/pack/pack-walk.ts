import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import type { Room } from '../../../fairness/room.ts'
import { isObjectName, OBJECT_DIGITS, type ObjectFormat } from '../ref-name.ts'
import { applyDelta, numberAt } from './pack-delta.ts'

/** Commits by their names, with the names of their parents. */
export type Parents = ReadonlyMap<string, readonly string[]>

/** Bytes of a pack that are held back and looked at before it is decided. */
export const PACK_HELD_BYTES_MAX = 16_777_216
/** Bytes that its objects have unpacked; git puts commits first, and a commit has some hundred bytes. */
export const PACK_UNPACKED_BYTES_MAX = 33_554_432
/** Bytes of one object that is unpacked: a larger one is no commit, and ends the walk. */
export const PACK_OBJECT_BYTES_MAX = 1_048_576
/** Objects of a pack that are looked at, and parents of a commit. */
export const PACK_OBJECTS_MAX = 65_536
export const COMMIT_PARENTS_MAX = 64
/** Bytes unpacked and objects looked at in one step, so that nobody waits long for the event loop. */
const STEP_BYTES = 1_048_576
const STEP_OBJECTS = 512

const [COMMIT, TAG, BY_OFFSET, BY_NAME] = [1, 4, 6, 7] as const

/**
 * A walk over the objects of a pack as it comes, which finds the commits in it. Names are computed from the bytes, so that
 * what it says of a commit is as certain as the commit's name.
 *
 * - PW1  It holds at most `PACK_HELD_BYTES_MAX` of the pack, and unpacks at most `PACK_UNPACKED_BYTES_MAX`.
 * - PW2  Bytes that are no pack, or not understood, end the walk: what was found stands, and nothing else is claimed.
 * - PW3  All that it holds, also unpacked, is taken of the room of its cell; where there is none, the walk ends.
 */
export class PackWalk {
  readonly #format: ObjectFormat
  readonly #room: Pick<Room, 'take' | 'give'> | undefined
  /** Bytes that are taken of the room, and those among them of commits as they are unpacked. */
  #taken = 0
  #commitBytes = 0
  readonly #parents = new Map<string, readonly string[]>()
  /** Commits by the place at which they begin, and by name: deltas are made of them. */
  readonly #byPlace = new Map<number, Uint8Array>()
  readonly #byName = new Map<string, Uint8Array>()
  #held = Buffer.alloc(0)
  #length = 0
  #at = 0
  #objectsLeft: number | undefined
  #objects = 0
  #unpacked = 0
  /** Bytes at which an object that is not whole is tried again. */
  #tryAt = 0
  #isOver = false
  #isWhole = false

  /** `room`: of the cell whose pack it is; without one, nobody counts. */
  constructor(format: ObjectFormat, room?: Pick<Room, 'take' | 'give'>) {
    this.#format = format
    this.#room = room
  }

  /** Commits that were found. */
  get parents(): Parents {
    return this.#parents
  }

  /** True when nothing more will be found. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Bytes that are held back. */
  get heldBytes(): number {
    return this.#length
  }

  /** Holds a piece back, and copies it; false where it is more than may be held: it is not taken, and the walk ends with what is here. */
  push(piece: Uint8Array): boolean {
    const length = this.#length + piece.length
    if (length > PACK_HELD_BYTES_MAX || (length > this.#held.length && !this.#grow(length))) {
      this.end()
      return false
    }
    this.#held.set(piece, this.#length)
    this.#length = length
    return true
  }

  /** Makes room for so many bytes, and rather for some more; false where the cell has none. */
  #grow(length: number): boolean {
    const before = this.#held.length
    const sizes = [Math.max(4_096, 2 * before, length), length]
    const size = sizes.find((each) => this.#take(each - before))
    if (size === undefined) return false
    const grown = Buffer.allocUnsafeSlow(size)
    this.#held.copy(grown, 0, 0, this.#length)
    this.#held = grown
    return true
  }

  #take(bytes: number): boolean {
    if (this.#room?.take(bytes) === false) return false
    this.#taken += bytes
    return true
  }

  /** Gives back all that was taken of the room: nothing of the walk, and of what it held back, is used any more. */
  leave(): void {
    this.#end()
    this.#held = Buffer.alloc(0)
    this.#length = 0
    this.#room?.give(this.#taken)
    this.#taken = 0
  }

  /** Hears that nothing more comes to be looked at. */
  end(): void {
    this.#isWhole = true
    this.#tryAt = 0
  }

  /** Takes out all that is held back, to be sent as it came. */
  take(): Uint8Array {
    const held = this.#held.subarray(0, this.#length)
    this.#held = Buffer.alloc(0)
    this.#length = 0
    this.#end()
    return held
  }

  /** Looks at what is here, for some milliseconds at most; true where there is more to look at. */
  step(): boolean {
    const stop = this.#unpacked + STEP_BYTES
    for (let looked = 0; !this.#isOver && this.#unpacked < stop && looked < STEP_OBJECTS; looked++) {
      if (this.#length < this.#tryAt) return false
      if (this.#objectsLeft === undefined ? !this.#header() : !this.#object()) return false
    }
    return !this.#isOver
  }

  #end(): void {
    this.#isOver = true
    this.#byPlace.clear()
    this.#byName.clear()
    this.#room?.give(this.#commitBytes)
    this.#taken -= this.#commitBytes
    this.#commitBytes = 0
  }

  /** Waits for more bytes; or, where none come, is over. Always false. */
  #wait(from: number): false {
    if (this.#isWhole) this.#end()
    // Twice as many as there were, so that a pack that drips in is not unpacked at each drop.
    else this.#tryAt = this.#length + Math.max(1, this.#length - from)
    return false
  }

  #over(): false {
    this.#end()
    return false
  }

  #header(): boolean {
    if (this.#length < HEADER_BYTES) return this.#wait(this.#length)
    const version = this.#held.readUInt32BE(4)
    if (this.#held.toString('latin1', 0, 4) !== 'PACK' || (version !== 2 && version !== 3)) return this.#over()
    this.#objectsLeft = this.#held.readUInt32BE(8)
    this.#at = HEADER_BYTES
    return this.#objectsLeft > 0 || this.#over()
  }

  /** Looks at one object; false where it is not here whole, or nothing follows. */
  #object(): boolean {
    const bytes = this.#held.subarray(0, this.#length)
    const place = this.#at
    const [first, size] = [bytes[place], numberAt(bytes, place)]
    if (first === undefined || size === undefined)
      return this.#length - place > MOST_BEFORE ? this.#over() : this.#wait(place)
    // The first byte has its kind in three bits between the end mark and four bits of the size.
    const kind = (first >> 4) & 7
    const length = Math.floor(size.value / 128) * 16 + (first & 15)
    if (kind === 0 || kind === 5 || length > PACK_OBJECT_BYTES_MAX) return this.#over()
    const based = this.#base(bytes, kind, size.end, place)
    if (based === 'more') return this.#wait(place)
    if (based === undefined) return this.#over()
    const data = this.#inflate(bytes.subarray(based.end), length)
    if (data === 'more') return this.#wait(place)
    if (data === undefined) return this.#over()
    this.#at = based.end + data.consumed
    this.#tryAt = 0
    this.#unpacked += length + OBJECT_COST
    let commit = kind === COMMIT ? data.bytes : undefined
    if (based.base !== undefined) {
      commit = applyDelta(based.base, data.bytes, PACK_OBJECT_BYTES_MAX)
      if (commit === undefined) return this.#over()
      this.#unpacked += commit.length
    }
    if (commit !== undefined && !this.#commit(commit, place)) return this.#over()
    this.#objects++
    if (this.#objectsLeft !== undefined) this.#objectsLeft--
    const most = this.#objects >= PACK_OBJECTS_MAX || this.#unpacked >= PACK_UNPACKED_BYTES_MAX
    return most || this.#objectsLeft === 0 ? this.#over() : true
  }

  /** Returns where an object's data begins, and the commit that it is made of; undefined where it says nothing that one may say. */
  #base(
    bytes: Uint8Array,
    kind: number,
    at: number,
    place: number,
  ): { readonly end: number; readonly base?: Uint8Array } | 'more' | undefined {
    if (kind >= COMMIT && kind <= TAG) return { end: at }
    if (kind === BY_NAME) {
      const end = at + OBJECT_DIGITS[this.#format] / 2
      if (end > bytes.length) return 'more'
      const base = this.#byName.get(Buffer.from(bytes.subarray(at, end)).toString('hex'))
      return base === undefined ? { end } : { end, base }
    }
    if (kind !== BY_OFFSET) return undefined
    // Big end first, and each further byte counts one more (gitformat-pack, "offset encoding").
    let back = 0
    for (let i = 0; i < 7; i++) {
      const byte = bytes[at + i]
      if (byte === undefined) return 'more'
      back = (i === 0 ? 0 : (back + 1) * 128) + (byte & 127)
      if (byte >= 128) continue
      if (back === 0 || back > place - HEADER_BYTES) return undefined
      const base = this.#byPlace.get(place - back)
      return base === undefined ? { end: at + i + 1 } : { end: at + i + 1, base }
    }
    return undefined
  }

  #inflate(
    bytes: Uint8Array,
    length: number,
  ): { readonly bytes: Uint8Array; readonly consumed: number } | 'more' | undefined {
    try {
      // Types of Node know nothing of `info`, with which it says how many bytes it has read.
      const inflated = inflateSync(bytes, {
        info: true,
        maxOutputLength: length + 1,
        chunkSize: Math.max(64, length + 1),
      })
      const { buffer, engine } = inflated as unknown as {
        readonly buffer: Uint8Array
        readonly engine: { readonly bytesWritten: number }
      }
      if (buffer.length !== length) return undefined
      return { bytes: buffer, consumed: engine.bytesWritten }
    } catch (error) {
      const isCut = error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR'
      // What was unpacked in vain counts as well.
      this.#unpacked += Math.min(length, bytes.length * INFLATED_MAX)
      if (!isCut || this.#unpacked >= PACK_UNPACKED_BYTES_MAX) return undefined
      return 'more'
    }
  }

  /** Keeps a commit; false where there is no room for it. */
  #commit(bytes: Uint8Array, place: number): boolean {
    const name = createHash(this.#format).update(`commit ${bytes.length}\0`).update(bytes).digest('hex')
    const parents = parentsIn(bytes, this.#format)
    if (parents === undefined) return true
    if (!this.#take(bytes.length + OBJECT_COST + parents.length * PARENT_COST)) return false
    this.#commitBytes += bytes.length
    this.#parents.set(name, parents)
    this.#byPlace.set(place, bytes)
    this.#byName.set(name, bytes)
    return true
  }
}

const HEADER_BYTES = 12
/** Bytes that one byte may have unpacked (RFC 1951). */
const INFLATED_MAX = 1_032
/** Bytes of an object's head, at most. */
const MOST_BEFORE = 16
/** Bytes of memory that an object counts as beside its content: its hash, its place in the maps. */
const OBJECT_COST = 256
/** Bytes of memory that the name of a parent counts as. */
const PARENT_COST = 64

/** Returns the parents that a commit names; undefined of one with more than are looked at, or that is none. */
function parentsIn(bytes: Uint8Array, format: ObjectFormat): readonly string[] | undefined {
  const digits = OBJECT_DIGITS[format]
  const line = 'parent '.length + digits + 1
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 'tree '.length + digits + 1
  if (text.toString('latin1', 0, 5) !== 'tree ' || text[at - 1] !== LINE_FEED) return undefined
  const parents: string[] = []
  while (text.toString('latin1', at, at + 7) === 'parent ') {
    const name = text.toString('latin1', at + 7, at + 7 + digits)
    if (!isObjectName(name, format) || text[at + line - 1] !== LINE_FEED) return undefined
    if (parents.push(name) > COMMIT_PARENTS_MAX) return undefined
    at += line
  }
  return parents
}

const LINE_FEED = 10

/** The history between two commits, as far as commits are known. */
export interface Descent {
  /** True where one can go from parent to parent and meet the older commit. */
  readonly isProven: boolean
  /** Commits at which it is not known how it goes on. */
  readonly unknown: readonly string[]
}

/** Commits that a fast-forward goes over at most, to be proven; and all those of one push, at one look. */
export const DESCENT_COMMITS_MAX = 4_096
export const LOOK_COMMITS_MAX = 32_768

/** Looks for a commit among the ancestors of another one, in commits that are known. */
export function descent(
  parents: Parents,
  newer: string,
  older: string,
  { ends = NONE, look = { left: LOOK_COMMITS_MAX } }: DescentOptions = {},
): Descent {
  const seen = new Set([newer])
  const unknown: string[] = []
  const most = Math.min(DESCENT_COMMITS_MAX, look.left)
  for (const each of seen) {
    // A longer way is looked at by nobody: what it proves would cost everybody's time.
    if (seen.size > most) break
    if (each === older) {
      look.left -= seen.size
      return { isProven: true, unknown: [] }
    }
    const known = ends.has(each) ? [] : parents.get(each)
    if (known === undefined) unknown.push(each)
    else for (const parent of known) seen.add(parent)
  }
  look.left -= seen.size
  return { isProven: false, unknown: seen.size > most ? [] : unknown }
}

/** Bounds of a look for a commit. */
export interface DescentOptions {
  /** Commits behind which nobody looks. */
  readonly ends?: ReadonlySet<string>
  /** Commits that may still be gone over, in all looks that share it. */
  readonly look?: { left: number }
}

const NONE: ReadonlySet<string> = new Set()

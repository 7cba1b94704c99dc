import { Buffer } from 'node:buffer'
import type { Room } from '../../fairness/room.ts'
import { PACK_HELD_BYTES_MAX, PackWalk, type Parents } from './pack/pack-walk.ts'
import { DELIMITER, FLUSH, PktReader, pkt, pktText } from './pkt-line.ts'
import type { HistoryQuestion } from './push-kind.ts'
import type { ObjectFormat } from './ref-name.ts'

/** The head of the request that asks a question about history: a fetch of version 2, posted to `…/git-upload-pack`. */
export const HISTORY_HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['content-type', 'application/x-git-upload-pack-request'],
  ['git-protocol', 'version=2'],
]

/**
 * Returns the body that asks an upstream for the commits between two, and for nothing else of them (`filter tree:0`): the
 * older one stands among the parents of what comes, if it is an ancestor. An upstream without `filter` sends more than is
 * read, or an error, and then it is unproven.
 */
export function historyRequest({ older, newer }: HistoryQuestion, format: ObjectFormat): Uint8Array {
  const lines = ['no-progress', 'ofs-delta', 'filter tree:0', ...newer.map((each) => `want ${each}`)]
  return Buffer.concat([
    ...[pkt('command=fetch\n'), ...(format === 'sha1' ? [] : [pkt(`object-format=${format}\n`)]), DELIMITER],
    ...[...lines, `have ${older}`, 'done'].map((each) => pkt(`${each}\n`)),
    FLUSH,
  ])
}

/** Reads an upstream's answer to a question about history, in pieces: the commits in it, as far as they can be read. */
export class HistoryAnswer {
  readonly #pkts = new PktReader(PACK_HELD_BYTES_MAX)
  readonly #walk: PackWalk
  #inPack = false
  #isOver = false

  /** `room`: of the cell for whose push it is asked. */
  constructor(format: ObjectFormat, room?: Pick<Room, 'take' | 'give'>) {
    this.#walk = new PackWalk(format, room)
  }

  /** Commits that were found. */
  get parents(): Parents {
    return this.#walk.parents
  }

  /** Takes a piece; false where the rest need not be read. */
  push(piece: Uint8Array): boolean {
    if (this.#isOver) return false
    this.#pkts.push(piece)
    for (;;) {
      const next = this.#pkts.next()
      if (!next.ok) return this.end()
      if (next.value === undefined) return true
      const { value } = next
      if (value.kind === 'delimiter' && !this.#inPack) continue
      if (value.kind !== 'data') return this.end()
      if (this.#inPack) {
        const [band] = value.bytes
        if (band === 3) return this.end()
        if (band === 1 && !this.#walk.push(value.bytes.subarray(1))) return this.end()
      } else {
        const text = pktText(value.bytes)
        if (text === undefined || text.startsWith('ERR ')) return this.end()
        this.#inPack = text === 'packfile'
      }
    }
  }

  /** Looks at what is here, for some milliseconds at most; true where there is more to look at. */
  step(): boolean {
    return this.#walk.step()
  }

  /** Gives back all that was taken of the room. */
  leave(): void {
    this.#walk.leave()
  }

  /** Hears that nothing more comes. Always false. */
  end(): false {
    this.#isOver = true
    this.#walk.end()
    return false
  }
}

/** Returns commits of a pack together with those of the upstream's answers. */
export function joined(...all: readonly Parents[]): Parents {
  return new Map(all.flatMap((each) => [...each]))
}

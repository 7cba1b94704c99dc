import { hash } from 'node:crypto'

/** 32 bytes. */
export type Hash = Uint8Array

/** RFC 6962: the hash of a tree of size 0. */
export const EMPTY_ROOT: Hash = hash('sha256', new Uint8Array(0), 'buffer')

/** RFC 6962: 0x00 before a leaf's bytes, so that no leaf can pass for a node. */
export function leafHash(bytes: Uint8Array): Hash {
  const prefixed = new Uint8Array(bytes.length + 1)
  prefixed.set(bytes, 1)
  return hash('sha256', prefixed, 'buffer')
}

const pair = new Uint8Array(65)
pair[0] = 0x01

/** RFC 6962: 0x01 before two nodes. */
export function nodeHash(left: Hash, right: Hash): Hash {
  pair.set(left, 1)
  pair.set(right, 33)
  return hash('sha256', pair, 'buffer')
}

/**
 * An RFC 6962 tree that grows by appending and forgets what no proof will need.
 *
 * - T1  Every complete subtree is hashed once, when its last leaf comes: one node hash for each leaf, amortised.
 * - T2  After `forgetBefore(size)`, proofs from `size` and later sizes, and roots of those, are as before.
 */
export class Tree {
  /** `#levels[l]` holds the hashes of complete subtrees of 2^l leaves. */
  readonly #levels: Level[] = []
  #size = 0
  /** Roots and proofs of smaller trees are gone. */
  #base = 0

  /** A tree of which only the peaks are known: the hashes of its largest complete subtrees, left to right. */
  static fromPeaks(size: number, peaks: readonly Hash[]): Tree {
    const tree = new Tree()
    tree.#size = size
    tree.#base = size
    let next = peaks.length - 1
    for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) {
      const peak = rest % 2 === 1 ? peaks[next--] : undefined
      tree.#levels.push(new Level(peak ? rest - 1 : rest))
      if (peak) tree.#levels[level]?.push(peak, 0)
    }
    return tree
  }

  get size(): number {
    return this.#size
  }

  /** The smallest size whose root and proofs can still be made. */
  get base(): number {
    return this.#base
  }

  append(leaf: Hash): void {
    let level = this.#level(0)
    level.push(leaf, 0)
    this.#size++
    for (let height = 1, rest = this.#size; rest % 2 === 0; height++, rest /= 2) {
      const above = this.#level(height)
      above.push(level.lastPair(), 0)
      level = above
    }
  }

  leaf(index: number): Hash | undefined {
    return this.#levels[0]?.at(index)
  }

  /** RFC 6962's MTH of the first `size` leaves. */
  root(size: number = this.#size): Hash {
    return size === 0 ? EMPTY_ROOT : this.#range(0, size)
  }

  /** The hashes from which the tree can go on growing; see `fromPeaks`. */
  peaks(size: number = this.#size): Hash[] {
    const peaks: Hash[] = []
    let start = 0
    for (const width of widths(size)) {
      peaks.push(this.#range(start, start + width))
      start += width
    }
    return peaks
  }

  /** RFC 6962 2.1.2: PROOF(from, D[to]). Needs 0 < from <= to. */
  consistencyProof(from: number, to: number = this.#size): Hash[] {
    const proof: Hash[] = []
    let [start, end, whole] = [0, to, true]
    const later: Hash[] = []
    while (from < end) {
      const split = start + splitPoint(end - start)
      if (from <= split) {
        later.push(this.#range(split, end))
        end = split
      } else {
        later.push(this.#range(start, split))
        start = split
        whole = false
      }
    }
    if (!whole) proof.push(this.#range(start, end))
    return proof.concat(later.reverse())
  }

  /** RFC 6962 2.1.1: PATH(index, D[size]). */
  inclusionProof(index: number, size: number = this.#size): Hash[] {
    const path: Hash[] = []
    let [start, end] = [0, size]
    while (end - start > 1) {
      const split = start + splitPoint(end - start)
      if (index < split) {
        path.push(this.#range(split, end))
        end = split
      } else {
        path.push(this.#range(start, split))
        start = split
      }
    }
    return path.reverse()
  }

  /** Frees what only proofs from sizes below `size` would need (T2). */
  forgetBefore(size: number): void {
    let rest = size
    for (const level of this.#levels) {
      level.forgetBefore(rest - 1)
      rest = Math.floor(rest / 2)
    }
    this.#base = Math.max(this.#base, size)
  }

  #level(height: number): Level {
    const level = this.#levels[height] ?? new Level(0)
    this.#levels[height] = level
    return level
  }

  /** MTH of leaves [start, end), where start is a multiple of the smallest power of two that is at least the width. */
  #range(start: number, end: number): Hash {
    const width = end - start
    const height = Math.log2(width)
    if (Number.isInteger(height)) {
      const found = this.#levels[height]?.at(start / width)
      if (!found) throw new RangeError(`the tree no longer knows leaves ${start} to ${end}`)
      return found
    }
    const split = start + splitPoint(width)
    return nodeHash(this.#range(start, split), this.#range(split, end))
  }
}

/** The hashes of one level, flat, from index `first` on. */
class Level {
  #first: number
  #count = 0
  #bytes = new Uint8Array(32 * 8)

  constructor(first: number) {
    this.#first = first
  }

  push(from: Uint8Array, offset: number): void {
    const end = this.#count * 32
    if (end === this.#bytes.length) {
      const larger = new Uint8Array(end * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    for (let i = 0; i < 32; i++) this.#bytes[end + i] = from[offset + i] as number
    this.#count++
  }

  /** The node above the last two hashes. */
  lastPair(): Hash {
    const end = this.#count * 32
    pair.set(this.#bytes.subarray(end - 64, end), 1)
    return hash('sha256', pair, 'buffer')
  }

  at(index: number): Hash | undefined {
    const at = index - this.#first
    return at >= 0 && at < this.#count ? this.#bytes.slice(at * 32, at * 32 + 32) : undefined
  }

  /** Moves bytes only when half of them are dead: forgetting every second stays cheap. */
  forgetBefore(index: number): void {
    const dead = Math.min(index - this.#first, this.#count)
    if (dead < 64 || dead * 2 < this.#count) return
    const live = this.#bytes.subarray(dead * 32, this.#count * 32)
    const smaller = new Uint8Array(Math.max(256, 2 ** Math.ceil(Math.log2(live.length + 32))))
    smaller.set(live)
    this.#bytes = smaller
    this.#first += dead
    this.#count -= dead
  }
}

/** The largest power of two smaller than `size`; size > 1. */
function splitPoint(size: number): number {
  let width = 1
  while (width * 2 < size) width *= 2
  return width
}

/** The powers of two that add up to `size`, largest first. */
function widths(size: number): number[] {
  const found: number[] = []
  for (let width = 1, rest = size; rest > 0; width *= 2, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) found.unshift(width)
  return found
}

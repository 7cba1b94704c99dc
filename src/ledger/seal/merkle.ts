import { hash } from 'node:crypto'

/** 32 bytes. */
export type Hash = Uint8Array

/** RFC 6962: the hash of a tree of size 0. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array(0))

/** Returns the hash of a leaf (RFC 6962): 0x00 before its bytes, so that no leaf can pass for a node. */
export function leafHash(bytes: Uint8Array): Hash {
  const prefixed = new Uint8Array(bytes.length + 1)
  prefixed.set(bytes, 1)
  return sha256(prefixed)
}

/** Returns the hash of a node (RFC 6962): 0x01 before the two below it. */
export function nodeHash(left: Hash, right: Hash): Hash {
  const pair = new Uint8Array(65)
  pair[0] = 0x01
  pair.set(left, 1)
  pair.set(right, 33)
  return sha256(pair)
}

function sha256(bytes: Uint8Array): Hash {
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1')
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
  /** Size below which roots and proofs are gone. */
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
      if (peak) tree.#levels[level]?.push(peak)
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
    this.#level(0).push(leaf)
    this.#grow()
  }

  /** Appends a leaf; `prefixed` is 0x00 and the leaf's bytes. */
  appendLeaf(prefixed: Uint8Array): void {
    this.#level(0).pushHashOf(prefixed)
    this.#grow()
  }

  #grow(): void {
    let level = this.#level(0)
    this.#size++
    for (let height = 1, rest = this.#size; rest % 2 === 0; height++, rest /= 2) {
      const above = this.#level(height)
      above.pushHashOf(level.lastPair())
      level = above
    }
  }

  /** Returns RFC 6962's MTH of the first `size` leaves. */
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

  /** Returns RFC 6962 2.1.2: PROOF(from, D[to]). Needs 0 < from <= to. */
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

  /** Returns RFC 6962 2.1.1: PATH(index, D[size]). */
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

  /**
   * Returns the MTH of leaves [start, end), where start is a multiple of the smallest power of two that is at least the
   * width.
   */
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
  #bytes = Buffer.alloc(32 * 8)
  readonly #pair = Buffer.alloc(65, 0x01)

  constructor(first: number) {
    this.#first = first
  }

  push(hash: Hash): void {
    this.#makeRoom()
    this.#bytes.set(hash, this.#count++ * 32)
  }

  /**
   * Pushes the hash of some bytes. By way of a string: Node makes a new buffer for a hash three times slower than it
   * writes one into ours.
   */
  pushHashOf(bytes: Uint8Array): void {
    this.#makeRoom()
    this.#bytes.write(hash('sha256', bytes, 'binary'), this.#count++ * 32, 'latin1')
  }

  /** Returns the bytes that RFC 6962 hashes for the node above the last two. Valid until the next call. */
  lastPair(): Uint8Array {
    this.#bytes.copy(this.#pair, 1, (this.#count - 2) * 32, this.#count * 32)
    return this.#pair
  }

  #makeRoom(): void {
    if (this.#count * 32 < this.#bytes.length) return
    const larger = Buffer.alloc(this.#bytes.length * 2)
    larger.set(this.#bytes)
    this.#bytes = larger
  }

  at(index: number): Hash | undefined {
    const at = index - this.#first
    return at >= 0 && at < this.#count ? Buffer.from(this.#bytes.subarray(at * 32, at * 32 + 32)) : undefined
  }

  /** Moves bytes only when half of them are dead: forgetting every second stays cheap. */
  forgetBefore(index: number): void {
    const dead = Math.min(index - this.#first, this.#count)
    if (dead < 64 || dead * 2 < this.#count) return
    const live = this.#bytes.subarray(dead * 32, this.#count * 32)
    const smaller = Buffer.alloc(Math.max(256, 2 ** Math.ceil(Math.log2(live.length + 32))))
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

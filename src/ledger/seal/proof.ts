import { EMPTY_ROOT, type Hash, nodeHash } from './merkle.ts'

/**
 * Verifies a consistency proof (RFC 9162 2.1.4.2) over bytes that a gateway chose: the tree of `newSize` and `newRoot`
 * begins with the tree of `oldSize` and `oldRoot`. Needs whole numbers 0 <= oldSize <= newSize < 2^53.
 */
export function extendsTree(
  oldSize: number,
  oldRoot: Hash,
  newSize: number,
  newRoot: Hash,
  proof: readonly Hash[],
): boolean {
  if (oldSize > newSize) return false
  if (oldSize === newSize) return proof.length === 0 && same(oldRoot, newRoot)
  if (oldSize === 0) return proof.length === 0 && same(oldRoot, EMPTY_ROOT)
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : [...proof]
  const [first] = path
  if (!first) return false
  let [fn, sn] = [oldSize - 1, newSize - 1]
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)]
  let [fr, sr] = [first, first]
  for (const next of path.slice(1)) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(next, fr)
      sr = nodeHash(next, sr)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else {
      sr = nodeHash(sr, next)
    }
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && same(fr, oldRoot) && same(sr, newRoot)
}

/** Verifies an inclusion proof (RFC 9162 2.1.3.2): `leaf` is number `index` in the tree of `size` and `root`. */
export function includesLeaf(index: number, leaf: Hash, size: number, root: Hash, proof: readonly Hash[]): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false
  let [fn, sn] = [index, size - 1]
  let r = leaf
  for (const next of proof) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      r = nodeHash(next, r)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [half(fn), half(sn)]
    } else {
      r = nodeHash(r, next)
    }
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && same(r, root)
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Halves a number. Bit operators work on 32 bits only; sizes go to 2^53. */
function half(n: number): number {
  return Math.floor(n / 2)
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n)) && 2 ** Math.log2(n) === n
}

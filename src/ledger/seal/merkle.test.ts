import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EMPTY_ROOT, type Hash, leafHash, Tree } from './merkle.ts'
import { extendsTree, includesLeaf } from './proof.ts'

/** The leaves and roots that the certificate-transparency implementations share as their test data. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

describe('the tree', () => {
  it('has the roots of the RFC 6962 reference data', () => {
    const tree = new Tree()
    for (const [size, root] of ROOTS.entries()) {
      assert.equal(hex(tree.root()), root)
      const leaf = LEAVES[size]
      if (leaf !== undefined) tree.append(leafHash(Buffer.from(leaf, 'hex')))
    }
  })

  it('T1: every root, inclusion and consistency proof equals the definition of RFC 6962, for all sizes to 70', () => {
    const leaves = Array.from({ length: 70 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)))
    const tree = grown(leaves)
    for (let size = 1; size <= leaves.length; size++) {
      const root = MTH(leaves.slice(0, size))
      assert.deepEqual(Buffer.from(tree.root(size)), root)
      for (let i = 0; i < size; i++) {
        const proof = tree.inclusionProof(i, size)
        assert.deepEqual(proof.map(hex), PATH(i, leaves.slice(0, size)).map(hex))
        assert.ok(includesLeaf(i, leaves[i] as Hash, size, root, proof))
      }
      for (let from = 1; from <= size; from++) {
        const proof = tree.consistencyProof(from, size)
        assert.deepEqual(proof.map(hex), SUBPROOF(from, leaves.slice(0, size), true).map(hex))
        assert.ok(extendsTree(from, MTH(leaves.slice(0, from)), size, root, proof))
      }
    }
  })

  it('T2: forgetting, and growing from peaks, changes no later root or proof', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.nat(600), fc.nat(600), fc.boolean(), (a, b, c, fromPeaks) => {
        const [from, to, size] = [a, b, c].sort((x, y) => x - y) as [number, number, number]
        const leaves = Array.from({ length: size }, (_, i) => leafHash(Buffer.from([i, i >> 8])))
        const whole = grown(leaves)
        const small = fromPeaks ? Tree.fromPeaks(from, grown(leaves.slice(0, from)).peaks()) : grown(leaves)
        for (let i = small.size; i < size; i++) small.append(leaves[i] as Hash)
        small.forgetBefore(from)
        assert.equal(hex(small.root(to)), hex(whole.root(to)))
        assert.equal(hex(small.root()), hex(whole.root()))
        assert.deepEqual(small.peaks(to).map(hex), whole.peaks(to).map(hex))
        if (from > 0) assert.deepEqual(small.consistencyProof(from).map(hex), whole.consistencyProof(from).map(hex))
        if (to > 0) assert.deepEqual(small.consistencyProof(to).map(hex), whole.consistencyProof(to).map(hex))
      }),
      { numRuns: 300 },
    )
  })

  it('no proof convinces once any of it, its order, a size or a root is changed', () => {
    const leaves = Array.from({ length: 40 }, (_, i) => leafHash(Buffer.from([i])))
    const tree = grown(leaves)
    const sizes = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }))
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(7), ([a, b], place, change) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)]
        const good = { from, to, old: tree.root(from), root: tree.root(to), proof: tree.consistencyProof(from, to) }
        const bad = changed(good, place, change)
        if (bad) assert.equal(extendsTree(bad.from, bad.old, bad.to, bad.root, bad.proof), false)
        const path = tree.inclusionProof(from - 1, to)
        const badPath = changed({ ...good, proof: path }, place, change)
        if (badPath && change !== 2 && change !== 4) {
          assert.equal(includesLeaf(from - 1, leaves[from - 1] as Hash, badPath.to, badPath.root, badPath.proof), false)
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('a fork of the same size, and a smaller tree, are no extension', () => {
    const tree = grown(['a', 'b', 'c'].map((text) => leafHash(Buffer.from(text))))
    const fork = grown(['a', 'b', 'x'].map((text) => leafHash(Buffer.from(text))))
    assert.equal(extendsTree(3, tree.root(), 3, fork.root(), []), false)
    assert.equal(extendsTree(3, tree.root(), 2, tree.root(2), []), false)
    assert.equal(extendsTree(0, fork.root(), 3, tree.root(), []), false)
    assert.equal(extendsTree(0, EMPTY_ROOT, 3, tree.root(), []), true)
  })

  it('a node does not pass for a leaf on a shorter path', () => {
    const leaves = ['a', 'b', 'c', 'd'].map((text) => leafHash(Buffer.from(text)))
    const tree = grown(leaves)
    const [, right] = tree.inclusionProof(0)
    assert.equal(includesLeaf(0, tree.root(2), 4, tree.root(), [right as Hash]), false)
  })

  it('sizes past 2^32 are proven too', () => {
    const peaks = Array.from({ length: 2 }, (_, i) => leafHash(Buffer.from([i])))
    const size = 2 ** 40 + 2 ** 33
    const tree = Tree.fromPeaks(size, peaks)
    const root = tree.root()
    for (let i = 0; i < 5; i++) tree.append(leafHash(Buffer.from([9, i])))
    assert.ok(extendsTree(size, root, size + 5, tree.root(), tree.consistencyProof(size)))
    assert.equal(extendsTree(size - 2 ** 33, root, size + 5, tree.root(), tree.consistencyProof(size)), false)
  })
})

interface Claim {
  readonly from: number
  readonly to: number
  readonly old: Hash
  readonly root: Hash
  readonly proof: readonly Hash[]
}

/** One change; undefined where it would change nothing. */
function changed(claim: Claim, place: number, change: number): Claim | undefined {
  const { proof } = claim
  const at = proof.length > 0 ? place % proof.length : 0
  const flipped = (bytes: Hash) =>
    Buffer.from(bytes).map((byte, i) => (i === place % 32 ? byte ^ (1 << (place % 8)) : byte))
  switch (change) {
    case 0:
      return { ...claim, root: flipped(claim.root) }
    case 1:
      return proof.length > 0 ? { ...claim, proof: proof.map((h, i) => (i === at ? flipped(h) : h)) } : undefined
    case 2:
      return { ...claim, old: flipped(claim.old) }
    case 3:
      return proof.length > 0 ? { ...claim, proof: proof.filter((_, i) => i !== at) } : undefined
    case 4:
      return claim.from > 1 ? { ...claim, from: claim.from - 1 } : undefined
    case 5:
      return { ...claim, proof: [...proof, claim.root] }
    case 6:
      return proof.length > 1 ? { ...claim, proof: proof.toReversed() } : undefined
    default:
      return { ...claim, proof: proof.toSpliced(at, 0, claim.old) }
  }
}

function grown(leaves: readonly Hash[]): Tree {
  const tree = new Tree()
  for (const leaf of leaves) tree.append(leaf)
  return tree
}

// RFC 6962 2.1 to 2.1.2, as written there.

function MTH(D: readonly Hash[]): Hash {
  if (D.length === 0) return EMPTY_ROOT
  if (D.length === 1) return Buffer.from(D[0] as Hash)
  const [left, right] = [MTH(D.slice(0, K(D.length))), MTH(D.slice(K(D.length)))]
  // Asked for the same halves thousands of times.
  const both = `${hex(left)}${hex(right)}`
  const known = NODES.get(both) ?? createHash('sha256').update('\x01').update(left).update(right).digest()
  NODES.set(both, known)
  return known
}

/** Nodes by what they are hashed of. */
const NODES = new Map<string, Hash>()

function PATH(m: number, D: readonly Hash[]): Hash[] {
  if (D.length === 1) return []
  const k = K(D.length)
  return m < k ? [...PATH(m, D.slice(0, k)), MTH(D.slice(k))] : [...PATH(m - k, D.slice(k)), MTH(D.slice(0, k))]
}

function SUBPROOF(m: number, D: readonly Hash[], b: boolean): Hash[] {
  if (m === D.length) return b ? [] : [MTH(D)]
  const k = K(D.length)
  return m <= k
    ? [...SUBPROOF(m, D.slice(0, k), b), MTH(D.slice(k))]
    : [...SUBPROOF(m - k, D.slice(k), false), MTH(D.slice(0, k))]
}

function K(n: number): number {
  return 2 ** Math.floor(Math.log2(n - 1))
}

function hex(hash: Hash): string {
  return Buffer.from(hash).toString('hex')
}

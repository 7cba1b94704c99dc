import { join } from 'node:path'
import { parseJson } from '../../model/index.ts'
import type { Json } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { segmentPath } from '../log/disk.ts'
import { originOf } from '../log/ledger.ts'
import { openSeal, type WitnessKey } from '../log/note.ts'
import { readSegment } from '../log/read.ts'
import { recordsFrom } from '../log/scan.ts'
import { leafHash, Tree } from './merkle.ts'
import { includesLeaf } from './proof.ts'
import { readWitness, type VerifyFault, type WitnessSource } from './witness-source.ts'

/**
 * A proof that one entry stands under a seal, for a reader who has the witness's key and nothing of the ledger. Plain
 * JSON.
 */
export interface EntryProof {
  readonly format: 'firebreak-proof/1'
  readonly origin: string
  readonly seq: number
  /** The entry's canonical bytes, as text: what was hashed. */
  readonly entry: string
  /** RFC 9162 inclusion proof, hexadecimal, from the leaf up. */
  readonly path: readonly string[]
  /** The signed note whose root the path leads to. */
  readonly seal: string
}

export type ProveFault =
  | { readonly kind: 'no-entry'; readonly problem: string }
  | { readonly kind: 'unsealed'; readonly problem: string }
  | { readonly kind: 'changed'; readonly problem: string }

export interface ProveOptions {
  /** `<state>/ledger`. */
  readonly ledgerDirectory: string
  readonly log: string
  readonly seq: number
  readonly witness: WitnessSource
}

/** Proves that an entry stands under the newest seal. */
export async function proveEntry(options: ProveOptions): Promise<Result<EntryProof, ProveFault | VerifyFault>> {
  const { ledgerDirectory, log, seq, witness } = options
  const source = await readWitness(witness, ledgerDirectory)
  if (!source.ok) return source
  const seal = (await source.value.sealsOf(log)).heads.at(-1)
  if (!seal || seal.size <= seq) return no({ kind: 'unsealed', problem: `no seal covers entry ${seq} of ${log} yet` })
  const { tree, entry } = await treeTo(join(ledgerDirectory, log), seal.size, seq)
  if (entry === undefined) return no({ kind: 'no-entry', problem: `there is no entry ${seq} in ${log}` })
  const path = tree.size === seal.size ? tree.inclusionProof(seq).map((node) => Buffer.from(node).toString('hex')) : []
  const proof: EntryProof = { format: 'firebreak-proof/1', origin: originOf(log), seq, entry, path, seal: seal.note }
  const checked = checkProof(proof, source.value.key)
  return checked.ok ? ok(proof) : no({ kind: 'changed', problem: 'the ledger is not what was sealed: verify it' })
}

/** Checks a proof; believes the witness's key and nothing else that it is given. */
export function checkProof(proof: EntryProof, key: WitnessKey): Result<Json, string> {
  const seal = openSeal(proof.seal, key)
  if (!seal.ok) return no(seal.reason.problem)
  const { origin, size, root } = seal.value
  if (origin !== proof.origin) return no(`the seal is for ${origin}`)
  if (!proof.path.every((node) => /^[0-9a-f]{64}$/.test(node)) || proof.path.length > 64)
    return no('the path is malformed')
  const path = proof.path.map((node) => Buffer.from(node, 'hex'))
  if (!includesLeaf(proof.seq, leafHash(Buffer.from(proof.entry)), size, root, path))
    return no('the entry is not under this seal')
  return ok(parseJson(proof.entry))
}

async function treeTo(
  directory: string,
  size: number,
  seq: number,
): Promise<{ tree: Tree; entry: string | undefined }> {
  const tree = new Tree()
  let entry: string | undefined
  for (let index = 0; tree.size < size; index++) {
    const read = await readSegment(segmentPath(directory, index))
    if (!read.ok) break
    for (const { kind, body } of recordsFrom(read.value, 0)) {
      if (kind !== 'entry' || tree.size === size) continue
      if (tree.size === seq) entry = Buffer.from(body).toString()
      tree.append(leafHash(body))
    }
  }
  return { tree, entry }
}

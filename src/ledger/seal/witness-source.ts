import { type Dirent, realpathSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { NAME_PATTERN } from '../../model/ids.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { codeOf } from '../log/disk.ts'
import { originOf } from '../log/ledger.ts'
import { parseWitnessKey, type WitnessKey } from '../log/note.ts'
import { readSealsOf, type Seals, sealsByOrigin } from './seals.ts'

/**
 * The place that seals come from: a directory that the witness wrote, with its own key or one that was kept elsewhere;
 * or a key and seals that were copied away earlier, in which case entries newer than those seals are not judged.
 */
export type WitnessSource =
  | { readonly directory: string; readonly key?: string }
  | { readonly key: string; readonly seals: readonly string[] }

/** The reason for which nothing could be verified at all. Findings of a verification are in its report. */
export type VerifyFault =
  | { readonly kind: 'witness-inside'; readonly problem: string }
  | { readonly kind: 'no-witness'; readonly problem: string }
  | { readonly kind: 'no-ledger'; readonly problem: string }

/** A witness whose seals can be read; each signature is verified then. */
export interface Witness {
  readonly key: WitnessKey
  /** Logs that have seals. */
  readonly sealed: readonly string[]
  readonly sealsOf: (log: string) => Promise<Seals>
}

export async function readWitness(
  source: WitnessSource,
  ledgerDirectory: string,
): Promise<Result<Witness, VerifyFault>> {
  if (!('directory' in source)) {
    const key = parseWitnessKey(source.key.trim())
    if (!key.ok) return no({ kind: 'no-witness', problem: `the witness's key is ${key.reason.problem}` })
    const byOrigin = sealsByOrigin(source.seals, key.value)
    const sealsOf = async (log: string) =>
      byOrigin.get(originOf(log)) ?? { heads: [], problems: byOrigin.get('')?.problems ?? [] }
    return ok({ key: key.value, sealed: [], sealsOf })
  }
  const { directory } = source
  const entries = await directoryOf(directory)
  if (!entries.ok) return no({ kind: 'no-witness', problem: entries.reason })
  if (`${realpathSync(directory)}${sep}`.startsWith(`${realpathSync(ledgerDirectory)}${sep}`)) {
    const problem = `${directory} lies in ${ledgerDirectory}: who can rewrite the ledger could rewrite its seals`
    return no({ kind: 'witness-inside', problem })
  }
  const path = join(directory, 'witness.pub')
  const text = source.key ?? (await readFile(path, 'utf8').catch(() => ''))
  const key = parseWitnessKey(text.trim())
  if (!key.ok) return no({ kind: 'no-witness', problem: `${source.key ?? path} is no witness key` })
  const sealed = entries.value.filter((entry) => entry.isDirectory() && NAME_PATTERN.test(entry.name))
  return ok({
    key: key.value,
    sealed: sealed.map(({ name }) => name),
    sealsOf: (log) => readSealsOf(join(directory, log), originOf(log), key.value),
  })
}

export async function directoryOf(path: string): Promise<Result<Dirent[], string>> {
  try {
    return ok(await readdir(path, { withFileTypes: true }))
  } catch (error) {
    return no(`${path} cannot be read: ${codeOf(error)}`)
  }
}

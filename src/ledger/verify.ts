import { type Dirent, realpathSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { NAME_PATTERN } from '../model/ids.ts'
import { no, ok, type Result } from '../model/result.ts'
import { codeOf } from './disk.ts'
import { originOf } from './ledger.ts'
import { parseWitnessKey, type WitnessKey } from './note.ts'
import { readSealsOf, type Seals, sealsByOrigin } from './seals.ts'
import { type Finding, type LogReport, verifyLog } from './verify-log.ts'

export interface VerifyOptions {
  /** `<state>/ledger`: a directory for each log. */
  readonly ledgerDirectory: string
  readonly witness: WitnessSource
}

/**
 * Where the seals come from. A directory that the witness wrote, with its own key or one that was kept elsewhere; or a
 * key and seals that were copied away earlier: then what is newer than they are is not judged.
 */
export type WitnessSource =
  | { readonly directory: string; readonly key?: string }
  | { readonly key: string; readonly seals: readonly string[] }

export interface VerifyReport {
  /** No finding: every entry under a seal is as it was when the witness signed. */
  readonly intact: boolean
  readonly logs: readonly LogReport[]
  readonly findings: readonly Finding[]
}

/** Why nothing could be verified at all; what verification finds is in the report. */
export type VerifyFault =
  | { readonly kind: 'witness-inside'; readonly problem: string }
  | { readonly kind: 'no-witness'; readonly problem: string }
  | { readonly kind: 'no-ledger'; readonly problem: string }

/**
 * S12, offline: reads every log as if a gateway with all its keys had rewritten it, and believes only what the witness
 * signed. The witness's directory is refused where the gateway could write it.
 */
export async function verifyLedger(options: VerifyOptions): Promise<Result<VerifyReport, VerifyFault>> {
  const { ledgerDirectory, witness } = options
  const entries = await directoryOf(ledgerDirectory)
  if (!entries.ok) return no({ kind: 'no-ledger', problem: entries.reason })
  const source = await readWitness(witness, ledgerDirectory)
  if (!source.ok) return source
  const { key, sealsOf, sealed } = source.value

  const findings: Finding[] = []
  const reports: LogReport[] = []
  const names = new Set([...entries.value.map(({ name }) => name), ...sealed])
  for (const log of [...names].sort()) {
    const entry = entries.value.find(({ name }) => name === log)
    if (entry && !(entry.isDirectory() && NAME_PATTERN.test(log))) {
      findings.push({
        log,
        kind: 'stranger',
        file: join(ledgerDirectory, log),
        problem: 'this is not the directory of a log',
      })
      continue
    }
    const seals = await sealsOf(log, key)
    if (!entry && seals.heads.length === 0) continue
    const { report, found } = await verifyLog(log, entry && join(ledgerDirectory, log), seals)
    reports.push(report)
    findings.push(...found)
  }
  if (reports.length === 0) return no({ kind: 'no-ledger', problem: `there is no log in ${ledgerDirectory}` })
  return ok({ intact: findings.length === 0, logs: reports, findings })
}

interface Witness {
  readonly key: WitnessKey
  /** Logs that have seals. */
  readonly sealed: readonly string[]
  readonly sealsOf: (log: string, key: WitnessKey) => Promise<Seals>
}

async function readWitness(source: WitnessSource, ledgerDirectory: string): Promise<Result<Witness, VerifyFault>> {
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
    sealsOf: (log, key) => readSealsOf(join(directory, log), originOf(log), key),
  })
}

async function directoryOf(path: string): Promise<Result<Dirent[], string>> {
  try {
    return ok(await readdir(path, { withFileTypes: true }))
  } catch (error) {
    return no(`${path} cannot be read: ${codeOf(error)}`)
  }
}

import { join } from 'node:path'
import { NAME_PATTERN } from '../../model/ids.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { originOf } from '../log/ledger.ts'
import { readOwnSeal, withOwnSeal } from '../seal/seals.ts'
import { directoryOf, readWitness, type VerifyFault, type WitnessSource } from '../seal/witness-source.ts'
import { type LogReport, type VerifyFinding, verifyLog } from './verify-log.ts'

export interface VerifyOptions {
  /** `<state>/ledger`: a directory for each log. */
  readonly ledgerDirectory: string
  readonly witness: WitnessSource
  /** The keys stayed behind when the ledger was handed on: payloads are counted and not judged. */
  readonly withoutKeys?: boolean
}

export interface VerifyReport {
  /** True without any finding: every entry under a seal is as it was when the witness signed. */
  readonly intact: boolean
  readonly logs: readonly LogReport[]
  readonly findings: readonly VerifyFinding[]
}

/**
 * Verifies all logs offline (S12): reads each as if a gateway with all its keys had rewritten it, and believes only
 * what the witness signed. The witness's directory is refused where the gateway could write it.
 */
export async function verifyLedger(options: VerifyOptions): Promise<Result<VerifyReport, VerifyFault>> {
  const { ledgerDirectory, witness, withoutKeys } = options
  const entries = await directoryOf(ledgerDirectory)
  if (!entries.ok) return no({ kind: 'no-ledger', problem: entries.reason })
  const source = await readWitness(witness, ledgerDirectory)
  if (!source.ok) return source
  const { key, sealsOf, sealed } = source.value

  const findings: VerifyFinding[] = []
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
    try {
      // Before the witness's: of a ledger that is being written it must not be newer than what is read next.
      const kept = entry && 'directory' in witness ? join(ledgerDirectory, log) : undefined
      const own = kept === undefined ? undefined : await readOwnSeal(kept, originOf(log), key)
      const seals = withOwnSeal(await sealsOf(log), own)
      if (!entry && seals.heads.length === 0) continue
      const { report, found } = await verifyLog(log, entry && join(ledgerDirectory, log), seals, withoutKeys)
      reports.push(report)
      findings.push(...found)
    } catch (error) {
      // Whoever wrote the log has found something that we did not expect: that is a finding, and the others are judged.
      const problem = `it cannot be judged: ${error instanceof Error ? error.message : String(error)}`
      findings.push({ log, kind: 'damaged', problem, file: join(ledgerDirectory, log) })
    }
  }
  if (reports.length === 0 && findings.length === 0)
    return no({ kind: 'no-ledger', problem: `there is no log in ${ledgerDirectory}` })
  return ok({ intact: findings.length === 0, logs: reports, findings })
}

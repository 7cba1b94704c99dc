import type { HostReport } from '../../cells/abilities.ts'

export interface PromiseLine {
  readonly promise: string
  readonly full: boolean
  readonly user: boolean
  /** Abilities that are lacking, or why a profile cannot hold it. */
  readonly why: string
}

/** The table of profiles × promises for this host: what the cells' room tried, and what separate uids add to it. */
export function promiseTable(report: HostReport): readonly PromiseLine[] {
  const cells = report.promises.map(({ promise, holds, lacking }) => ({
    promise,
    full: holds.full,
    user: holds.user,
    why: [...new Set([...lacking.full, ...lacking.user])].join(', '),
  }))
  const root = report.findings.some(({ ability, holds }) => ability === 'root' && holds)
  const anyhow = report.profile !== undefined
  const shared = 'without root, gateway and witness run under the caller’s own uid'
  const services = SERVICES.map(({ promise, needsUids }) => ({
    promise,
    full: root && anyhow,
    user: anyhow && !needsUids,
    why: needsUids ? shared : '',
  }))
  return [...cells, ...services].toSorted((a, b) => numberOf(a.promise) - numberOf(b.promise))
}

/** Held by processes rather than by cells: only what rests on a uid of their own needs root. */
const SERVICES: readonly { readonly promise: string; readonly needsUids: boolean }[] = [
  { promise: 'S2 default deny', needsUids: false },
  { promise: 'S3 the connection is the identity', needsUids: false },
  { promise: 'S4 intent before effect', needsUids: false },
  { promise: 'S6 no route to another environment', needsUids: false },
  { promise: 'S6 a uid and files of its own for each environment', needsUids: true },
  { promise: 'S10 no secret in an agent’s cell', needsUids: false },
  { promise: 'S11 what was judged is what is sent', needsUids: false },
  { promise: 'S12 the ledger tells, against outsiders', needsUids: false },
  { promise: 'S12 … against a compromised gateway', needsUids: true },
]

function numberOf(promise: string): number {
  return Number(/^S(\d+)/.exec(promise)?.[1] ?? 0)
}

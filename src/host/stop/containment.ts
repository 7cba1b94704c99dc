import { setTimeout as delay } from 'node:timers/promises'
import type { Proof, Prover } from '../../cells/driver.ts'
import { no, type Result, type Rung } from '../../model/index.ts'
import { ESCALATION_MS_MAX } from './bounds.ts'

/** One place that enforces: what it is told, and its proof that it did. */
export interface EnforcementPoint {
  /** `gate`, `connections of c_…`, `processes of c_…`, `fence`. */
  readonly name: string
  /** Author of the word: the kernel, or the process that enforces. */
  readonly by: Prover | 'gateway' | 'disk'
  /** Does it, and resolves with the proof in words. May hang, lie or die: nobody waits longer than `boundMs`. */
  readonly order: () => Promise<Result<PointAnswer, string>>
  readonly boundMs: number
  /** Does it where it is not confirmed: harder, and by somebody else. Absent: nothing can be. */
  readonly escalate?: () => Promise<Result<PointAnswer, string>>
}

/** A proof, or the words of one that whoever the point names has given. */
export type PointAnswer = string | Pick<Proof, 'by' | 'said'>

export interface Confirmation {
  readonly point: string
  readonly by: EnforcementPoint['by']
  readonly confirmed: boolean
  /** Words of the proof, or what was said instead. */
  readonly said: string
  /** From the order to this; ms. */
  readonly afterMs: number
  /** True where it did not confirm by itself, and was ended. */
  readonly escalated: boolean
}

/**
 * Orders all points at once and collects what they say (S8). A point that is silent past its bound, fails or throws is
 * escalated; one that cannot be confirmed either way is in the result as not confirmed, and nobody may call it contained.
 */
export async function orderAll(
  points: readonly EnforcementPoint[],
  onConfirmation: (confirmation: Confirmation) => void = () => undefined,
): Promise<readonly Confirmation[]> {
  const begun = performance.now()
  return Promise.all(
    points.map(async (point) => {
      const confirmation = await orderOne(point, begun)
      onConfirmation(confirmation)
      return confirmation
    }),
  )
}

async function orderOne(point: EnforcementPoint, begun: number): Promise<Confirmation> {
  const { name, by, boundMs, escalate } = point
  const told = (result: Result<PointAnswer, string>, escalated: boolean, before = ''): Confirmation => {
    const words = result.ok ? result.value : result.reason
    return {
      point: name,
      by: typeof words === 'string' ? by : words.by,
      confirmed: result.ok,
      said: before + (typeof words === 'string' ? words : words.said),
      afterMs: Math.round((performance.now() - begun) * 1_000) / 1_000,
      escalated,
    }
  }
  const first = await within(point.order, boundMs)
  if (first.ok || escalate === undefined) return told(first, false)
  return told(await within(escalate, ESCALATION_MS_MAX), true, `${first.reason}; `)
}

/** Never rejects, and never takes longer. */
async function within(
  act: () => Promise<Result<PointAnswer, string>>,
  ms: number,
): Promise<Result<PointAnswer, string>> {
  const silent = new AbortController()
  try {
    const late = delay(ms, no(`no confirmation within ${ms} ms`), { signal: silent.signal })
    late.catch(() => undefined)
    return await Promise.race([act(), late])
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  } finally {
    silent.abort()
  }
}

/** Waits until `holds` does, for at most `ms`; each look takes its time, so that they come ever later. */
export async function eventually(holds: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const until = performance.now() + ms
  for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 64)) {
    if (await holds()) return true
    if (performance.now() > until) return false
    await delay(waitMs)
  }
}

/** The cells and agents that an order means. */
export type Target =
  | { readonly kind: 'cell'; readonly name: string }
  | { readonly kind: 'agent'; readonly name: string }
  | { readonly kind: 'owner'; readonly name: string }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'all' }

export interface Order {
  readonly id: string
  readonly target: Target
  readonly rung: Exclude<Rung, 'normal'>
  /** `firebreak`, or the person who orders it. */
  readonly by: string
  readonly why: string
  /** Agents that are meant by the configuration of whoever orders it; a run means those of its own besides. */
  readonly agents?: readonly string[]
}

/** The outcome of a stop; `contained` only where every point has confirmed. */
export interface Receipt {
  readonly order: Order
  /** Epoch ms. */
  readonly atMs: number
  readonly cells: readonly string[]
  readonly agents: readonly string[]
  readonly confirmations: readonly Confirmation[]
  readonly contained: boolean
  /** The reason why there is no signed file of it. */
  readonly unwritten?: string
  /** The parts that the signed file lacks, and why. */
  readonly lacking?: string
  /** The reason why the ledger has not got it, and who tells it. */
  readonly untold?: string
}

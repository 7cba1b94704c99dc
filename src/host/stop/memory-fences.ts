import { type AgentName, no, ok, type Result } from '../../model/index.ts'
import { EVERYBODY, type Fence, type FenceChange, type Fenced, type Fences } from './fences.ts'

/** A fence that lives as long as this process, for tests whose subject is not the disk. */
export interface MemoryFences extends Fences {
  /** Faults to plant: `lost` as of one that is damaged, `away` as of a store that does not answer, `full` as of one without room. */
  readonly faults: { lost?: string; away?: string; full?: string }
}

export function memoryFences(): MemoryFences {
  const faults: MemoryFences['faults'] = {}
  let kept: Fence | undefined
  let mark = 'none'
  let turn: Promise<unknown> = Promise.resolve()
  const read = (): Result<Fence, string> => {
    const fault = faults.away ?? faults.lost ?? (kept === undefined ? 'the fence is missing' : undefined)
    return fault === undefined ? ok(new Map(kept)) : no(fault)
  }
  const changeNow = (change: FenceChange, anew: boolean): Result<void, string> => {
    const before = read()
    if (!before.ok && !(anew && faults.away === undefined)) return before
    const fence = new Map<AgentName | typeof EVERYBODY, Fenced>(before.ok ? before.value : [])
    let refused: string | undefined
    try {
      change(fence, (why) => {
        refused = why
      })
    } catch (error) {
      return no(`the fence cannot be written: ${error instanceof Error ? error.message : String(error)}`)
    }
    if (refused !== undefined) return no(refused)
    kept = fence
    delete faults.lost
    return ok(undefined)
  }
  const change: Fences['change'] = (by, anew = false) => {
    const changed = turn.then(() => changeNow(by, anew))
    turn = changed
    return changed
  }
  return {
    faults,
    make(everybody) {
      kept ??= new Map(everybody === undefined ? [] : [[EVERYBODY, everybody]])
    },
    isMade: () => kept !== undefined,
    read,
    everybody() {
      const seen = read()
      if (seen.ok) return ok(seen.value.get(EVERYBODY))
      return kept === undefined && faults.away === undefined && mark === 'none' ? ok(undefined) : seen
    },
    change,
    reserve: () => (faults.full === undefined ? ok({ change: (by) => change(by), giveBack() {} }) : no(faults.full)),
    stopMark: () => mark,
    markStop(order) {
      mark = order
      return ok(undefined)
    },
  }
}

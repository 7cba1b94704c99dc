import type { Reason } from '../../model/decision.ts'
import { type ExposureView, unsearched } from './exposure.ts'

/**
 * Returns a function that adds to a reason where the cell was shown the value that leads somewhere, or one like it. All
 * reasons together share one look through what the cell has seen. For people, where reasons are recorded or shown: no
 * decision waits for it.
 */
export function withWhereSeen(exposure: ExposureView): (reason: Reason) => Reason {
  const left = unsearched()
  return (reason) => {
    if ((reason.kind !== 'destination' && reason.kind !== 'link') || ('nothing' in reason && reason.nothing))
      return reason
    const seen = exposure.seen(reason.value, left)
    const like = reason.like === undefined && exposure.looksNamed?.(reason.value) === true
    return { ...reason, ...(seen && { seen }), ...(like && { like: 'the task' as const }) }
  }
}

import type { Reason } from '../../model/decision.ts'
import { type ExposureView, unsearched } from './exposure.ts'

/**
 * Says of each value that leads somewhere where its cell was shown it, or one like it, as far as one look through what it
 * has seen goes for all of them. For people, where reasons are recorded or shown: no decision waits for it.
 */
export function placing(exposure: ExposureView): (reason: Reason) => Reason {
  const left = unsearched()
  return (reason) => {
    if ((reason.kind !== 'destination' && reason.kind !== 'link') || ('nothing' in reason && reason.nothing))
      return reason
    const seen = exposure.seen(reason.value, left)
    const like = reason.like === undefined && exposure.looksNamed?.(reason.value) === true
    return { ...reason, ...(seen && { seen }), ...(like && { like: 'the task' as const }) }
  }
}

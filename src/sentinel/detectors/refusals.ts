import { isJsonObject, type Json } from '../../model/index.ts'
import { type Detector, NOTHING } from '../detector.ts'
import { Sprt } from '../sprt.ts'

/**
 * Sees: that so many of a tree's attempts are refused as when somebody tries what is not locked. Those that several share
 * an entry count each. What waits for a person counts as neither.
 *
 * Source: Wald's sequential probability ratio test, as port scans are found by it (Jung et al., "Fast Portscan Detection
 * Using Sequential Hypothesis Testing", IEEE S&P 2004).
 *
 * Blind to: a search that hides each refusal among four allowed attempts; faults in arguments, which models make all the
 * time and which find no unlocked door; what was refused because something was out of order.
 */
export const refusals: Detector<'refusals', Sprt> = {
  name: 'refusals',
  scope: 'tree',
  kinds: ['action.intent', 'action.refused'],
  initial: () => new Sprt(),
  fold: (test, entry, _, { honest, hostile, falseAlarm }) => {
    const refused = entry.kind === 'action.refused'
    if (refused && !isTelling(entry.reasons)) return NOTHING
    const times = refused ? Math.min(1 + (entry.more ?? 0), TIMES_MAX) : 1
    for (let i = 0; i < times; i++) {
      if (!test.add(refused, entry.seq, honest, hostile, falseAlarm)) continue
      const finding = { what: `${test.seqs.length} attempts were refused in a burst`, evidence: test.seqs }
      test.reset()
      return [finding]
    }
    return NOTHING
  },
}

/** An entry for more of them decides by itself. */
const TIMES_MAX = 64

/** Tells whether a refusal has a reason other than clumsiness or lateness: it was not allowed. */
function isTelling(reasons: Json): boolean {
  if (!Array.isArray(reasons)) return true
  return reasons.some((reason: Json) => !isJsonObject(reason) || !CLUMSY.has(String(reason.kind)))
}

const CLUMSY: ReadonlySet<string> = new Set(['arguments', 'unavailable', 'rung', 'spend'])

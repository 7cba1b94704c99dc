import { type Detector, type DetectorFinding, NOTHING } from '../detector.ts'
import { RecentTimes, RecentValues, shortKey } from '../recent.ts'

interface Step {
  readonly key: string
  readonly seq: number
  readonly cell: string
  /**
   * True for a step that changes something; a call without arguments is not one, since workers ask for their next piece
   * of work so.
   */
  readonly acts: boolean
}

interface State {
  /** The last steps, oldest first. */
  readonly steps: Step[]
  /** Steps in a row that repeat the one a period before, by period. */
  readonly matched: number[]
  /** Delegations by giver, receiver and assignment. */
  readonly given: RecentValues<RecentTimes>
}

/**
 * Sees: steps (calls with their arguments, delegations) that come round in the same order, with a period of at most six,
 * whichever agents of a tree take them in turn; and an assignment that is given to the same agent again and again. Rounds that
 * change nothing, or that one cell makes alone, may be polling: they are only watched, and later.
 *
 * Source: our own; the period is found as in the failure function of Knuth, Morris and Pratt, for each period by itself.
 * A loop between two agents is known to have run for eleven days.
 *
 * Blind to: longer periods; arguments that differ in each round but for what clients make up (budgets bound those); loops
 * through the world outside, which come back as something new.
 */
export const loops: Detector<'loops', State> = {
  name: 'loops',
  scope: 'tree',
  kinds: ['action.intent', 'delegation.made'],
  initial: () => ({ steps: [], matched: Array.from({ length: PERIOD_MAX + 1 }, () => 0), given: new RecentValues() }),
  fold: (state, entry, { call, cell }, { rounds, polls, delegations }) => {
    const findings: DetectorFinding[] = []
    let step: Step
    if (entry.kind === 'delegation.made') {
      const key = `${entry.agent}>${entry.to} ${entry.assignment}`
      step = { key: shortKey(key), seq: entry.seq, cell, acts: true }
      const times = state.given.use(key, () => new RecentTimes())
      if (times.add(entry.atMs, entry.seq, FOREVER_MS, delegations) >= delegations) {
        const what = `${entry.agent} gave ${entry.to} the same assignment for the ${delegations}th time`
        findings.push({ what, evidence: times.seqs })
      }
    } else {
      if (call === undefined) return NOTHING
      const acts = call.effect !== 'read' && !call.isBare
      step = { key: shortKey(call.repeated), seq: entry.seq, cell, acts }
    }
    const { steps, matched } = state
    steps.push(step)
    if (steps.length > STEPS_MAX) steps.shift()
    for (let period = 1; period <= PERIOD_MAX; period++) {
      const before = steps[steps.length - 1 - period]
      matched[period] = before?.key === step.key ? (matched[period] ?? 0) + 1 : 0
      // The round that the others are like is one, too.
      const times = Math.floor((matched[period] ?? 0) / period) + 1
      if (times < Math.min(rounds, polls)) continue
      const stretch = steps.slice(-period * times)
      const cells = new Set(stretch.map((each) => each.cell)).size
      // Each comes back to it: not many who do the same once.
      const together = cells > 1 && stretch.length >= cells * RETURNS_MIN && stretch.some(({ acts }) => acts)
      if (together ? times < rounds : times < polls) continue
      const who = together ? 'between several cells' : 'as one who polls'
      const what = `the same ${period === 1 ? 'step' : `${period} steps`}, ${times} rounds, ${who}`
      findings.push({ what, evidence: stretch.map((each) => each.seq), ...(!together && { atMost: 'watched' }) })
      break
    }
    return findings
  },
}

const PERIOD_MAX = 6
const STEPS_MAX = 24
/** In what is remembered of the steps. */
const RETURNS_MIN = 3
/** A tree lasts as long as its cells do. */
const FOREVER_MS = Number.MAX_SAFE_INTEGER

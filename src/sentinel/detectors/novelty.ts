import { type Detector, NOTHING } from '../detector.ts'
import { RecentValues } from '../recent.ts'
import { Sprt } from '../sprt.ts'

interface State {
  /** Times that each destination was named, one or more. */
  readonly known: RecentValues<{ times: number }>
  /** Destinations that were named once. */
  once: number
  named: number
  readonly test: Sprt
}

/**
 * Sees: that an agent names new destinations in a row, after its first ones have shown how often a new one comes.
 *
 * Source: the Good–Turing estimate of what has not been seen (Good, "The Population Frequencies of Species", Biometrika 40,
 * 1953) as the honest share of Wald's test; hostile is four of five.
 *
 * Blind to: an agent whose work is new destinations (it finds nothing there, and does not pretend to); one new destination
 * by itself (policies hold that one: provenance); what is named in content.
 */
export const novelty: Detector<'novelty', State> = {
  name: 'novelty',
  scope: 'agent',
  kinds: ['action.intent'],
  initial: () => ({ known: new RecentValues(DESTINATIONS_MAX), once: 0, named: 0, test: new Sprt() }),
  fold: (state, { seq }, { call }, { learn, falseAlarm }) => {
    if (call === undefined) return NOTHING
    let alarm = false
    for (const destination of call.destinations.slice(0, DESTINATIONS_EACH_MAX)) {
      const honest = (state.once + 1) / (state.named + 1)
      const place = state.known.use(destination, () => ({ times: 0 }))
      place.times++
      state.named++
      if (place.times === 1) state.once++
      else if (place.times === 2) state.once--
      if (state.named <= learn || honest > HONEST_MAX) continue
      alarm = state.test.add(place.times === 1, seq, Math.max(honest, HONEST_MIN), HOSTILE, falseAlarm) || alarm
    }
    if (!alarm) return NOTHING
    const finding = { what: 'one new destination after the other', evidence: state.test.seqs }
    state.test.reset()
    return [finding]
  },
}

const DESTINATIONS_MAX = 4_096
/** Destinations of one call that count: a mail to a list of hundreds is one surprise, not hundreds. */
const DESTINATIONS_EACH_MAX = 4
const HOSTILE = 0.8
/** The share of new destinations from which on a new one says nothing. */
const HONEST_MAX = 0.5
/** No agent is so sure of itself that three new ones prove anything. */
const HONEST_MIN = 0.1

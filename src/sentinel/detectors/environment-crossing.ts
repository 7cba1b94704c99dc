import { isJsonObject, type Json } from '../../model/index.ts'
import { type Detector, type DetectorFinding, NOTHING } from '../detector.ts'

interface State {
  readonly seqs: number[]
}

/**
 * Sees: refusals because an upstream belongs to another environment, and places of another environment (its upstreams'
 * and egress's hosts, its upstreams' tools) named in arguments that are not mere content. With something that looks like a
 * credential beside it, once is enough; without, the cell is watched, and after a few it may only read.
 *
 * Source: our own (an incident of April 2026: a staging agent, a token that it found, production).
 *
 * Blind to: another environment's place by an address or name that the configuration does not have; content.
 */
export const environmentCrossing: Detector<'environment-crossing', State> = {
  name: 'environment-crossing',
  scope: 'tree',
  kinds: ['action.intent', 'action.held', 'action.refused', 'egress.tried'],
  seesConnections: true,
  initial: () => ({ seqs: [] }),
  fold: ({ seqs }, entry, { noticed }, { attempts }) => {
    const named = noticed.find(({ kind }) => kind === 'environment')
    const refused = 'reasons' in entry ? crossingIn(entry.reasons) : undefined
    const where = named?.name ?? refused
    if (where === undefined) return NOTHING
    seqs.push(entry.seq)
    if (seqs.length > SEQS_MAX) seqs.shift()
    const what = `it reached for ${where}, which is not of its environment`
    if (noticed.some(({ kind, credential }) => kind === 'environment' && credential)) {
      return [{ what: `${what}, with a credential`, evidence: [entry.seq] }]
    }
    const often: DetectorFinding = { what: `${what}, ${seqs.length} times`, evidence: [...seqs], atMost: 'restricted' }
    return [seqs.length >= attempts ? often : { what, evidence: [entry.seq], atMost: 'watched' }]
  },
}

const SEQS_MAX = 1_000

function crossingIn(reasons: Json): string | undefined {
  if (!Array.isArray(reasons)) return undefined
  const crossing = reasons.find((reason: Json) => isJsonObject(reason) && reason.kind === 'environment')
  return isJsonObject(crossing) ? `the environment ${String(crossing.upstream)}` : undefined
}

/**
 * The things that a person can ask of the agents of one state, with their rules inside: who may release, who may approve,
 * what a hardened environment demands. The command line, a console and tests are its clients.
 */
import type { UpstreamConfig } from '../config/config.ts'
import { acceptReviewed, type DefinitionReview, reviewOffers } from '../host/accept/accepting.ts'
import type { AcceptAsk } from '../host/accept/definition-changes.ts'
import { offersOf, type UpstreamOffers } from '../host/accept/offers.ts'
import { askOrFollow } from '../host/people/ask-or-follow.ts'
import { type ReleaseAsk, type Released, type ReleaseFault, releaseContained } from '../host/people/release-order.ts'
import type { UndoOrder } from '../host/people/undo-order.ts'
import type { Judged } from '../host/prepare/setup.ts'
import { type LiveRun, type RunAsk, runAgent } from '../host/runs/run-agent.ts'
import type { PersonName, Problem, Result } from '../model/index.ts'
import { type StateOperator, stateOperator } from './state-operator.ts'

/** Everything that can be asked of agents. */
export interface Operator extends StateOperator {
  /** Has an agent's program run on the streams of this process, which it ends with. */
  run(ask: RunAsk): Promise<LiveRun>
  /** Moves a contained agent up again. */
  release(ask: ReleaseAsk): Promise<Result<Released, ReleaseFault>>
  /** Asks upstreams what they offer, and holds it against the configuration. */
  offers(upstreams: readonly UpstreamConfig[]): Promise<Result<UpstreamOffers, string>>
  /** Returns what differs between offers and what was accepted, for a person to read before they accept it. */
  review(offers: UpstreamOffers, ask: AcceptAsk): DefinitionReview
  /** Writes that a person accepts what they have read; without a person, only what nobody can accept. @throws what the disk says. */
  accept(review: DefinitionReview, by: PersonName | undefined): Result<void, Problem>
  /** Has effects compensated by the gateway of their environment. */
  undo(order: UndoOrder): Promise<Result<void, string>>
}

/**
 * Returns the operator of a state and its configuration. What needs a gateway goes to the one that runs, through its host;
 * where none does, one is started in this process for it alone.
 */
export function operatorFor(stateDirectory: string, judged: Judged): Operator {
  return {
    ...stateOperator(stateDirectory),
    run: (ask) => runAgent(judged, stateDirectory, ask),
    release: (ask) => releaseContained(judged, stateDirectory, ask),
    offers: (upstreams) => offersOf(judged, upstreams, stateDirectory),
    review: (offers, ask) => reviewOffers(judged, offers, ask),
    accept: (review, by) => acceptReviewed(judged, review, by),
    // A storm takes as long as it takes; a warden that ends closes its socket.
    undo: (order) => askOrFollow(judged, stateDirectory, { kind: 'undo', order }, { boundMs: 0, isFinal: () => true }),
  }
}

/** The part of serving a request to an origin that every protocol of the web shares: it becomes an action, and its answer passes. */
import {
  type ActionId,
  type Cost,
  grantedName,
  type JsonObject,
  type Operation,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Refusal } from '../../../policy/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import type { Attempt, Passed, Performed } from '../../pipeline/attempt.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { perform } from '../../pipeline/pipeline.ts'
import type { WebReply } from '../../web/web-request.ts'
import type { AnswerHead } from './exchange.ts'
import type { OriginLine } from './origin-line.ts'

/** A request to an origin, as its protocol has understood it. */
export interface WebAttempt {
  readonly line: OriginLine
  readonly operation: Operation
  /** Bare name of the operation. */
  readonly target: string
  readonly args: JsonObject
  /** The most that it takes of budgets, where its protocol reckons that. */
  readonly most?: Cost
  /** Bytes of its body, where they are known. */
  readonly leaving?: number | undefined
  /** Further operations that it makes use of, by the names that grants know them by. */
  readonly alongside?: readonly ToolName[]
  /** Takes what comes; it has begun once the pipeline has let the head pass. */
  readonly sink: WebReply
  /** Aborted when whoever asked has gone. */
  readonly gone: AbortSignal
  /** True where its body passes as it comes. */
  readonly isStreamed: boolean
  /** Puts it into bytes; `onHead` hears of the head of the answer before it may be shown. */
  readonly prepare: (onHead: (head: AnswerHead) => void) => Prepared
  /** Puts it into bytes where a person let its arguments through, as `prepareApproved` of an `Attempt` does. */
  readonly prepareApproved: WebAttempt['prepare'] | undefined
  readonly isApprovedUnseen?: true
}

/** Returns the part of an attempt at an origin that is the same whatever is asked of it. One that is left out is not connected to. */
export function originAttempt(line: OriginLine, operation: Operation, target: string, args: JsonObject) {
  const connect: Attempt['connect'] = () => (line.down === undefined ? undefined : Promise.resolve(away(line.down)))
  return { upstream: line, operation, target, tool: grantedName(operation, target), args, connect }
}

/** Returns the refusal of what cannot be sent, since its upstream is away. */
export function away(problem: string): Extract<Refusal, { readonly kind: 'unavailable' }> {
  return { kind: 'unavailable', what: 'upstream', problem }
}

/** Performs a request to an origin: what comes back is shown to `sink`. */
export function performWeb(gate: EnvironmentContext, cell: ServedCell, web: WebAttempt): Promise<Performed | Passed> {
  const { line, operation, target, args, most, leaving, alongside, sink, gone, prepare, prepareApproved } = web
  let head: AnswerHead | undefined
  const onHead = (came: AnswerHead) => {
    head = came
  }
  const attempt: Attempt = {
    ...originAttempt(line, operation, target, args),
    ...(most && { most }),
    ...(leaving !== undefined && { leaving }),
    ...(alongside && { alongside }),
    ...(web.isApprovedUnseen && { isApprovedUnseen: true }),
    isStreamed: web.isStreamed,
    prepare: () => prepare(onHead),
    prepareApproved: prepareApproved && (() => prepareApproved(onHead)),
    signal: cell.gone.signal,
    calledOff: gone,
    onPart: () => {
      if (head !== undefined) sink.begin(head.status, head.headers)
      return undefined
    },
  }
  return perform(gate, cell, attempt)
}

/** The words in which a cell is told why it is shown no answer. */
export interface Unshown {
  readonly status: 400 | 403 | 502 | 503
  readonly said: string
  readonly reference: ActionId | undefined
}

/** Returns what a cell is told of a request to an upstream of which it is shown no answer. */
export function unshown(performed: Performed | Passed, upstream: UpstreamName): Unshown {
  if (performed.kind === 'held') return { status: 403, said: 'it waits for a person', reference: performed.hold }
  const { action: reference } = performed
  if (performed.kind === 'passed' || performed.kind === 'answered')
    return { status: 502, said: 'its answer may not be shown', reference }
  if (performed.kind === 'unanswered') {
    const said = { withheld: 'its answer is withheld', 'not-sent': 'it was not sent', unknown: 'no whole answer came' }
    return { status: 502, said: said[performed.outcome], reference }
  }
  const awayFrom = awayText(performed.reasons, upstream)
  if (awayFrom !== undefined) return { status: 503, said: awayFrom, reference }
  const own = performed.reasons.find((reason) => reason.kind === 'arguments')
  if (own !== undefined) return { status: 400, said: `${own.path} ${own.problem}`, reference }
  return { status: 403, said: notAllowed(performed.reasons, upstream), reference }
}

/** Returns why a request may not leave, as far as its cell is told: what the cell has read, where that alone is it. */
export function notAllowed(reasons: readonly Refusal[], upstream: UpstreamName): string {
  const labels = reasons.flatMap((reason) => (reason.kind === 'label' ? [reason.label] : []))
  return labels.length === 0 || labels.length < reasons.length
    ? 'it may not do this'
    : `it has read ${labels.join(', ')}, which ${upstream} does not accept`
}

/** Returns what was away without which nothing is sent; undefined where it was refused for something else. */
export function awayText(reasons: readonly Refusal[], upstream: UpstreamName): string | undefined {
  const found = reasons.find((reason) => reason.kind === 'unavailable')
  if (found === undefined) return undefined
  if (found.what === 'ledger' && found.problem === 'too-large') return 'it is larger than what is kept of a request'
  return {
    upstream: `the gateway does not get to ${upstream}`,
    ledger: 'the gateway cannot record it now',
    witness: 'nobody witnesses what the gateway records now',
    checkpoint: 'its files could not be saved before it',
    holds: 'too much of it waits for a person already',
  }[found.what]
}

/** Returns the sentence with which a request is refused, for whoever reads the client's output. */
export function refusalSentence(problem: string, reference: ActionId | undefined): string {
  return `refused by Firebreak: ${problem}${reference === undefined ? '' : ` (reference ${reference})`}`
}

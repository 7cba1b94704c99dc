/** The part of serving a request to an origin that every protocol of the web shares: it becomes an action, and its answer passes. */
import { Buffer } from 'node:buffer'
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
  /** Puts it into bytes; `onHead` hears of the head of the answer before it may be shown. */
  readonly prepare: (onHead: (head: AnswerHead) => void) => Prepared
}

/** Performs a request to an origin: what comes back is shown to `sink`. */
export function performWeb(
  gate: EnvironmentContext,
  cell: ServedCell,
  { line, operation, target, args, most, leaving, alongside, sink, gone, prepare }: WebAttempt,
): Promise<Performed | Passed> {
  let head: AnswerHead | undefined
  const attempt: Attempt = {
    upstream: line,
    operation,
    target,
    tool: grantedName(operation, target),
    args,
    ...(most && { most }),
    ...(leaving !== undefined && { leaving }),
    ...(alongside && { alongside }),
    connect: () =>
      line.down === undefined
        ? undefined
        : Promise.resolve({ kind: 'unavailable', what: 'upstream', problem: line.down } as const),
    prepare: () =>
      prepare((came) => {
        head = came
      }),
    signal: cell.gone.signal,
    calledOff: gone,
    onPart: () => {
      if (head !== undefined) sink.begin(head.status, head.headers)
      return undefined
    },
  }
  return perform(gate, cell, attempt)
}

/** Returns the head of a request as it leaves, but for what its owner puts in: that stands in no payload. */
export function requestHead(method: string, path: string, authority: string, headers: readonly string[]): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${authority}`]
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
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
  const away = awayText(performed.reasons, upstream)
  if (away !== undefined) return { status: 503, said: away, reference }
  const own = performed.reasons.find((reason) => reason.kind === 'arguments')
  if (own !== undefined) return { status: 400, said: `${own.path} ${own.problem}`, reference }
  return { status: 403, said: 'it may not do this', reference }
}

/** Returns what was away without which nothing is sent; undefined where it was refused for something else. */
export function awayText(reasons: readonly Refusal[], upstream: UpstreamName): string | undefined {
  const away = reasons.find((reason) => reason.kind === 'unavailable')
  if (away === undefined) return undefined
  if (away.what === 'ledger' && away.problem === 'too-large') return 'it is larger than what is kept of a request'
  return {
    upstream: `the gateway does not get to ${upstream}`,
    ledger: 'the gateway cannot record it now',
    witness: 'nobody witnesses what the gateway records now',
    checkpoint: 'its files could not be saved before it',
    holds: 'too much of it waits for a person already',
  }[away.what]
}

/** Returns the sentence with which a request is refused, for whoever reads the client's output. */
export function refusalSentence(problem: string, reference: ActionId | undefined): string {
  return `refused by Firebreak: ${problem}${reference === undefined ? '' : ` (reference ${reference})`}`
}

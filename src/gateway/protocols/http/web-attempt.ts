/** The part of serving a request to an origin that every protocol of the web shares: it becomes an action, and its answer passes. */
import { Buffer } from 'node:buffer'
import {
  type ActionId,
  type Cost,
  grantedName,
  type JsonObject,
  type Operation,
  type ToolName,
} from '../../../model/index.ts'
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
  /** Other operations that it makes use of. */
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
  { line, operation, target, args, most, alongside, sink, gone, prepare }: WebAttempt,
): Promise<Performed | Passed> {
  let head: AnswerHead | undefined
  const attempt: Attempt = {
    upstream: line,
    operation,
    target,
    tool: grantedName(operation, target),
    args,
    ...(most && { most }),
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

/** Returns the sentence with which a request is refused, for whoever reads the client's output. */
export function refusalSentence(problem: string, reference: ActionId | undefined): string {
  return `refused by Firebreak: ${problem}${reference === undefined ? '' : ` (reference ${reference})`}`
}

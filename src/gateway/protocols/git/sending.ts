/** Sends what git of a cell asks for, and answers in git's own words what is refused. */
import type { ActionId, JsonObject, ToolName } from '../../../model/index.ts'
import { operationIn } from '../../../model/index.ts'
import type { Refusal } from '../../../policy/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import type { Secrets } from '../../content/secrets.ts'
import type { Room } from '../../fairness/room.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import { REFERENCE_HEADER } from '../../web/web-reply.ts'
import type { WebReply, WebRequest } from '../../web/web-request.ts'
import type { AnswerHead } from '../http/exchange.ts'
import { type Reached, requestHead, sendRequest } from '../http/send-request.ts'
import { performWeb, refusalSentence, unshown, type WebAttempt } from '../http/web-attempt.ts'
import { type GitAnswer, refuseGit, refusePush } from './git-refusal.ts'
import type { GitRequest } from './git-request.ts'
import type { GitLine } from './line.ts'
import type { GitPush } from './push.ts'

export interface GitServed {
  readonly request: WebRequest
  readonly reply: WebReply
  /** Room of its cell for what is read whole. */
  readonly room: Room
}

/** The means by which all requests of a cell to a git server are served. */
export interface GitGround extends GitServed {
  readonly gate: EnvironmentContext
  readonly cell: ServedCell
  readonly line: GitLine
}

export type RequestOf<Kind extends GitRequest['kind']> = GitRequest & { readonly kind: Kind }

type Body =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'streamed'
      readonly head: Uint8Array
      readonly pieces: AsyncGenerator<Uint8Array, void>
      /** Bytes of all of it, where they are known. */
      readonly length?: number
    }

export interface GitSending {
  /** Name of the pattern by which it is decided. */
  readonly by: ToolName
  readonly alongside?: readonly ToolName[]
  readonly args: JsonObject
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  /** The place that it is sent to, if not the server itself. Headers and a query that a server has signed stand in no record. */
  readonly reached?: Reached
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: Body | undefined
  readonly sink: WebReply
  /** The secrets that its answer is searched for, if others than the gateway's. */
  readonly secrets?: Secrets
  /** The push that is answered for, where it is one. */
  readonly push?: GitPush
}

/** Performs a request as an action. What is refused has been told to nobody yet. */
export function performGit({ gate, cell, line, reply }: GitGround, sending: GitSending) {
  const { by, alongside, args, body, sink, push } = sending
  const isStreamed = body?.kind === 'streamed'
  const prepare: WebAttempt['prepare'] = (onHead) => prepared(gate, line, sending, onHead)
  return performWeb(gate, cell, {
    line,
    operation: 'git',
    target: operationIn(by).tool,
    args,
    ...(alongside !== undefined && { alongside }),
    leaving: body?.kind === 'whole' ? body.bytes.length : body?.length,
    sink,
    gone: reply.gone,
    isStreamed,
    prepare,
    // A push is approved by its changes. Of a file, the digest is known when all but its last piece has left.
    prepareApproved: isStreamed && push === undefined ? undefined : prepare,
    ...(push !== undefined && { isApprovedUnseen: true }),
  })
}

/** Sends a request as an action; what is refused is told in git's words. */
export async function sendGit(ground: GitGround, asked: GitRequest, sending: GitSending): Promise<void> {
  answerUnshown(ground, asked, await performGit(ground, sending), sending.push)
}

/** Tells a cell why it is shown no answer, in git's words; nothing where it is shown one. */
export function answerUnshown(
  ground: GitGround,
  asked: GitRequest,
  performed: Awaited<ReturnType<typeof performGit>>,
  push?: GitPush,
): void {
  const { reply } = ground
  if (reply.hasBegun || reply.gone.aborted) return
  const { said, reference } = unshown(performed, ground.line.name)
  const words = refusalSentence(said, reference)
  ground.request.body.resume()
  answerGit(ground, push === undefined ? refuseGit(asked, words) : refusePush(push, words, new Map()), reference)
}

/** Puts a request into the bytes that leave: nothing of its head is the cell's. */
function prepared(
  gate: EnvironmentContext,
  line: GitLine,
  { method, path, headers, body, sink, secrets = gate.secrets, reached = line }: GitSending,
  onHead: (head: AnswerHead) => void,
): Prepared {
  const length = body?.kind === 'streamed' && body.length !== undefined ? ['content-length', String(body.length)] : []
  const flat = [...headers, ...length, 'accept-encoding', 'identity', 'user-agent', 'git/firebreak']
  const recorded = reached === line ? path : path.replace(/\?.*$/s, '')
  const head = requestHead(method, recorded, reached.origin.authority, flat)
  const kept = body === undefined ? [] : [body.kind === 'whole' ? body.bytes : body.head]
  return {
    bytes: Buffer.concat([head, ...kept]),
    send: (options) => {
      const sent = body?.kind === 'whole' ? body.bytes : body?.pieces
      const request = { method, path, headers: flat, body: sent }
      return sendRequest(reached, request, { send: options, secrets, reply: sink, onHead }).ended
    },
  }
}

/** Refuses what is asked before it is an action. */
export async function refuseAsked(ground: GitGround, asked: GitRequest, problem: string): Promise<void> {
  const reference = await recordRefusal(ground, problem, { repository: asked.repository, what: asked.kind })
  ground.request.body.resume()
  answerGit(ground, refuseGit(asked, refusalSentence(problem, reference)), reference)
}

export async function refusePushed(
  ground: GitGround,
  { repository }: GitRequest,
  push: GitPush,
  { problem, reasons = new Map() }: { readonly problem: string; readonly reasons?: ReadonlyMap<string, string> },
): Promise<void> {
  const changes = push.updates.map(({ ref, from, to }) => ({ ref, from, to }))
  const reference = await recordRefusal(ground, problem, { repository, what: 'push', changes })
  ground.request.body.resume()
  answerGit(ground, refusePush(push, refusalSentence(problem, reference), reasons), reference)
}

export async function recordRefusal({ gate, cell, line }: GitGround, problem: string, args: JsonObject) {
  const reasons: readonly Refusal[] = [{ kind: 'arguments', path: '$', problem }]
  const attempt = { upstream: line.name, operation: 'git', target: 'git', args } as const
  const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
  return action
}

export function answerGit(
  { reply }: GitGround,
  { status, headers, body }: GitAnswer,
  reference: ActionId | undefined,
): void {
  if (reply.hasBegun) return reply.cut()
  reply.begin(status, [...headers, ...(reference === undefined ? [] : [[REFERENCE_HEADER, reference] as const])])
  if (body.length > 0) reply.write(body)
  reply.end()
}

import type { Readable } from 'node:stream'
import { grantedName, type JsonObject, WEBSOCKET } from '../../../model/index.ts'
import type { Refusal } from '../../../policy/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import type { Room } from '../../fairness/room.ts'
import type { Passed, Performed } from '../../pipeline/attempt.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { refuseUnprepared, refuseUnrouted } from '../../pipeline/refused.ts'
import { readTarget } from '../../web/request-target.ts'
import type { WebReply, WebRequest } from '../../web/web-request.ts'
import { queryOf, readWebBody, TOO_LARGE, type WebBody } from './body.ts'
import { headersIn } from './contract.ts'
import type { AnswerHead } from './exchange.ts'
import { approvedHeaders, judgedHeaders, namedHeaders, sentHeaders } from './headers.ts'
import type { HttpLine } from './line.ts'
import { matchQuery, type RequestPattern, type TargetArguments } from './pattern.ts'
import { targetOf } from './request-bytes.ts'
import { requestHead, sendRequest } from './send-request.ts'
import { isReadWhole, WebAnswer } from './web-answer.ts'
import { performWeb, refusalSentence, unshown } from './web-attempt.ts'
import { performWebSocket } from './web-socket.ts'
import { performWhole } from './whole.ts'

/** One request that came in, its answer, and the room of its cell for bodies that are read whole. */
export interface Served {
  readonly request: WebRequest
  readonly reply: WebReply
  readonly room: Room
}

/** Serves one request of a cell to an origin: it is found its operation, judged, sent, and answered. */
export async function serveHttp(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: HttpLine,
  { request, reply, room }: Served,
): Promise<void> {
  const refuse = async (problem: string, tool: string, args: JsonObject, status = 400) => {
    const reasons: readonly Refusal[] = [{ kind: 'arguments', path: '$', problem }]
    const attempt = { upstream: line.name, operation: 'request', target: tool, args } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    reply.refuse(status, refusalSentence(problem, action), action)
  }
  const { start } = request
  // A method of that name is none: only the start of a WebSocket is meant by its pattern.
  const method = start === undefined ? request.method.replace(/^WEBSOCKET$/, 'websocket') : WEBSOCKET
  const target = readTarget(request.target)
  if (!target.ok) return refuse(target.reason, method, { target: request.target })
  const found = line.patterns.find(method, target.value)
  if (found === undefined) {
    const asked = `${method} ${target.value.path}`
    const attempt = { upstream: line.name, operation: 'request', target: asked, args: queryOf(target.value) } as const
    const { action } = await refuseUnrouted(gate, cell, attempt)
    return reply.refuse(403, refusalSentence(`${asked} is none of what ${line.name} declares`, action), action)
  }
  if (found.doubt !== undefined) return refuse(found.doubt, found.pattern.text, { ...found.path })
  const query = matchQuery(found.pattern, target.value)
  if (!query.ok) return refuse(query.reason, found.pattern.text, { ...found.path, ...queryOf(target.value) })
  const said = argumentsOf(found.path, query.value, { body: { kind: 'none' }, named: {} })
  const path = targetOf(found.pattern, said)
  if (!path.ok) return refuse(path.reason, found.pattern.text, said)
  const contract = line.contract(grantedName('request', found.pattern.text))
  const isWhole = contract !== undefined && isReadWhole(contract)
  const { injected } = line
  const headers = sentHeaders(request.headers, { method, injected, isSearched: gate.secrets.longest() > 0, isWhole })
  if (!headers.ok) return refuse(headers.reason, found.pattern.text, { ...found.path })
  if (start !== undefined) {
    const asked = { pattern: found.pattern, args: said, path: path.value, headers: headers.value, start, reply }
    const performed = await performWebSocket(gate, cell, line, asked)
    return performed.kind === 'passed' ? undefined : tellUnshown(performed, line, reply)
  }
  const named = namedHeaders(headersIn(contract?.pinned?.input), headers.value)
  if (!named.ok) return refuse(named.reason, found.pattern.text, { ...found.path })
  const body = await readWebBody(request, room, (bytes) => gate.slices.take(cell, bytes))
  if (body.ok && reply.gone.aborted && body.value.kind === 'judged') room.give(body.value.bytes.length)
  if (reply.gone.aborted) return
  if (!body.ok) return refuse(body.reason, found.pattern.text, { ...found.path }, body.reason === TOO_LARGE ? 413 : 400)
  if (isWhole && body.value.kind === 'streamed') return refuse(JUDGED_ONLY, found.pattern.text, { ...found.path })
  const type = body.value.kind === 'judged' ? body.value.type : undefined
  const sending = {
    path: path.value,
    method,
    headers: judgedHeaders(headers.value, named.value, type),
    named: named.value,
    body: body.value,
    stream: request.body,
  }
  try {
    await send(gate, cell, line, { found, query: query.value, sending, reply, room, isWhole })
  } finally {
    if (body.value.kind === 'judged') room.give(body.value.bytes.length)
  }
}

/** A body that nobody reads could ask for what an answer that is judged must not have. */
const JUDGED_ONLY = 'its answer is judged as a whole, and so is what asks for it: its body has to be JSON or a form'

interface Asking {
  readonly found: { readonly pattern: RequestPattern; readonly path: TargetArguments['path'] }
  readonly query: TargetArguments['query']
  readonly sending: Sending
  readonly reply: WebReply
  readonly room: Room
  /** True where the answer is read whole. */
  readonly isWhole: boolean
}

interface Sending {
  readonly path: string
  readonly method: string
  readonly headers: readonly string[]
  readonly body: WebBody
  /** Headers that are arguments. */
  readonly named: JsonObject
  readonly stream: Readable
}

async function send(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: HttpLine,
  { found, query, sending, reply, room, isWhole }: Asking,
): Promise<void> {
  const args = argumentsOf(found.path, query, sending)
  const isStreamed = sending.body.kind === 'streamed'
  const ifApproved = () => approvedHeaders(sending.headers, new Set(Object.keys(sending.named)))
  const performed = await (isWhole
    ? performWhole(
        gate,
        cell,
        line,
        {
          ...{ pattern: found.pattern, args, path: sending.path, headers: sending.headers, ifApproved },
          ...(sending.body.kind === 'judged' && { body: sending.body.bytes }),
          signal: cell.gone.signal,
          calledOff: reply.gone,
        },
        room,
      )
    : performWeb(gate, cell, {
        line,
        operation: 'request',
        target: found.pattern.text,
        args,
        leaving: lengthOf(sending.body),
        isStreamed,
        sink: reply,
        gone: reply.gone,
        prepare: (onHead) => prepared(gate, line, sending, reply, onHead),
        prepareApproved: isStreamed
          ? undefined
          : (onHead) => prepared(gate, line, { ...sending, headers: ifApproved() }, reply, onHead),
      }))
  if (reply.hasBegun || reply.gone.aborted) return
  if (performed.kind === 'answered' && performed.answer instanceof WebAnswer) return show(performed.answer, reply)
  tellUnshown(performed, line, reply)
}

/** Tells a program of what it is shown no answer, unless it has one or has gone. */
function tellUnshown(performed: Performed | Passed, line: HttpLine, reply: WebReply): void {
  if (reply.hasBegun || reply.gone.aborted) return
  const { status, said, reference } = unshown(performed, line.name)
  reply.refuse(status, refusalSentence(said, reference), reference)
}

/** Returns the bytes that a body says that it has. */
function lengthOf(body: WebBody): number | undefined {
  return body.kind === 'judged' ? body.bytes.length : body.kind === 'streamed' ? body.length : undefined
}

/** Shows an answer that was judged as a whole. */
function show(answer: WebAnswer, reply: WebReply): void {
  const { headers, body } = answer.shown
  if (!reply.begin(answer.head.status, headers)) return
  reply.write(body)
  reply.end()
}

/** Puts a request into the bytes that leave: its head, and the body where that was read. */
function prepared(
  gate: EnvironmentContext,
  line: HttpLine,
  { path, method, headers, body, stream }: Sending,
  reply: WebReply,
  onHead: (head: AnswerHead) => void,
): Prepared {
  const head = requestHead(method, path, line.origin.authority, headers)
  return {
    bytes: body.kind === 'judged' ? Buffer.concat([head, body.bytes]) : head,
    send: (options) => {
      const sent = body.kind === 'none' ? undefined : body.kind === 'judged' ? body.bytes : stream
      const request = { method, path, headers, body: sent }
      return sendRequest(line, request, { send: options, secrets: gate.secrets, reply, onHead }).ended
    },
  }
}

/**
 * Returns what a request says, by its names: what stands in its path, its query, the headers that its document names, its body;
 * of a body that nobody reads, its type and length as its `stream`.
 */
function argumentsOf(
  path: TargetArguments['path'],
  query: TargetArguments['query'],
  { body, named }: Pick<Sending, 'body' | 'named'>,
): JsonObject {
  const said: JsonObject = {
    ...path,
    ...(Object.keys(query).length > 0 && { query: query as JsonObject }), // texts and lists of them
    ...(Object.keys(named).length > 0 && { headers: named }),
  }
  if (body.kind === 'none') return said
  if (body.kind === 'judged') return { ...said, body: body.value }
  const { type, length } = body
  return { ...said, stream: { type, ...(length !== undefined && { length }) } }
}

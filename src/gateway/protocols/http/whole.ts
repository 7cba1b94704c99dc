/** Requests whose answers are read whole before any of them is shown: they are answers as a tool's are. */
import { Buffer } from 'node:buffer'
import { type JsonObject, LIMITS } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { Room } from '../../fairness/room.ts'
import type { Attempt, Passed, Performed } from '../../pipeline/attempt.ts'
import type { Contract, Passage, Prepared, SendOptions, Sent } from '../../pipeline/line.ts'
import { perform } from '../../pipeline/pipeline.ts'
import { GatheringReply } from './gathering-reply.ts'
import type { HttpLine } from './line.ts'
import type { RequestPattern } from './pattern.ts'
import { requestHead, sendRequest } from './send-request.ts'
import { keptAnswer, valueIn } from './web-answer.ts'
import { originAttempt } from './web-attempt.ts'

/** A request in the bytes that leave, but for what its owner puts in. */
export interface WholeRequest extends Pick<Attempt, 'signal' | 'calledOff' | 'about'> {
  readonly pattern: RequestPattern
  readonly args: JsonObject
  /** Target in origin form. */
  readonly path: string
  readonly headers: readonly string[]
  /** Returns the headers where a person has let it through; absent: the same. */
  readonly ifApproved?: () => readonly string[]
  readonly body?: Uint8Array
}

/** Performs a request and reads its answer whole. */
export function performWhole(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: HttpLine,
  request: WholeRequest,
  room = new Room(LIMITS.answerBytesMax),
): Promise<Performed | Passed> {
  const { pattern, args, signal, calledOff, about } = request
  return perform(gate, cell, {
    ...originAttempt(line, 'request', pattern.text, args),
    ...(request.body !== undefined && { leaving: request.body.length }),
    isStreamed: false,
    prepare: (known) => prepared(gate, line, request, known, room),
    prepareApproved: (known) =>
      prepared(gate, line, { ...request, headers: request.ifApproved?.() ?? request.headers }, known, room),
    signal,
    ...(calledOff && { calledOff }),
    ...(about && { about }),
  })
}

function prepared(
  gate: EnvironmentContext,
  line: HttpLine,
  { pattern: { method }, path, headers, body }: WholeRequest,
  { declared }: Contract,
  room: Room,
): Prepared {
  const head = requestHead(method, path, line.origin.authority, headers)
  const bytesMax = Math.min(declared.maxBytes ?? LIMITS.answerBytesMax, LIMITS.answerBytesMax)
  return {
    bytes: body === undefined ? head : Buffer.concat([head, body]),
    send: async ({ onPart: _, ...options }) => {
      const reply = new GatheringReply(options.signal, room, bytesMax)
      const exchange = sendRequest(
        line,
        { method, path, headers, body },
        {
          send: options satisfies SendOptions,
          secrets: gate.secrets,
          reply,
          onHead: ({ status, headers: answered }) => void reply.begin(status, answered),
        },
      )
      return sentOf(await exchange.ended, reply)
    },
  }
}

/** Returns what an exchange came to, once its answer is whole. */
function sentOf(ended: Extract<Sent, { kind: 'not-sent' | 'unknown' }> | Passage, reply: GatheringReply): Sent {
  const gathered = reply.take()
  reply.leave()
  if (ended.kind !== 'passed') return ended
  const { why, leaked, counted } = ended
  if (leaked !== undefined) return { kind: 'unreadable', why: why ?? 'it holds a secret', answers: true }
  if (!gathered.ok) return { kind: 'unreadable', why: why ?? gathered.reason, answers: true }
  const { status, headers, bytes } = gathered.value
  if (status >= 500) return { kind: 'unknown', why: why ?? `HTTP ${status}`, status, lives: true }
  const answer = valueIn({ status, headers }, bytes)
  if (!answer.ok) return { kind: 'unreadable', why: answer.reason, status, answers: true }
  return { kind: 'answered', answer: answer.value, bytes: keptAnswer(status, bytes), counted }
}

import { createHash } from 'node:crypto'
import {
  type ActionId,
  type Cost,
  grantedName,
  type JsonObject,
  LIMITS,
  MODEL_CURRENCY,
  MODEL_WAYS_OUT,
  type ModelWayOut,
  no,
  ok,
  type Result,
} from '../../../model/index.ts'
import { type Refusal, topOf } from '../../../policy/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import { authorityOf, type ServedCell } from '../../admission/served-cell.ts'
import type { Room } from '../../fairness/room.ts'
import { yieldIfLong } from '../../fairness/share.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import { readTarget } from '../../web/request-target.ts'
import { REFERENCE_HEADER } from '../../web/web-reply.ts'
import type { WebReply } from '../../web/web-request.ts'
import { readWhole } from '../http/body.ts'
import { type AnswerHead, HttpExchange } from '../http/exchange.ts'
import type { Served } from '../http/serve.ts'
import { awayText, performWeb, refusalSentence, requestHead } from '../http/web-attempt.ts'
import { ModelAnswers } from './answer.ts'
import { contentCoding, DECODED_BYTES_MAX, decodeBody } from './decode.ts'
import type { ModelAsked } from './judge.ts'
import type { ModelLine } from './line.ts'
import { mostItCosts } from './prices.ts'
import { type ModelRefusal, modelFaultText, modelRefusal, upgradeRefusal } from './refusal.ts'

/** Serves one request of a cell to a provider of models: it is judged by its table, reserved, sent, and settled. */
export async function serveModel(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: ModelLine,
  { request, reply, room }: Served,
): Promise<void> {
  const { method, headers } = request
  const path = request.target.split('?', 1)[0]?.slice(0, LIMITS.faultCharactersMax) ?? ''
  const refuse = async (problem: string, tool: string, args: JsonObject) => {
    request.body.resume()
    const reasons: readonly Refusal[] = [{ kind: 'arguments', path: '$', problem }]
    const attempt = { upstream: line.name, operation: 'model', target: tool, args: { path, ...args } } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    answer(reply, modelRefusal(line.provider, refusalSentence(problem, action)), action)
  }
  const target = readTarget(request.target)
  if (!target.ok) return refuse(target.reason, method, {})
  const body = await readBody(request, room)
  if (!body.ok) return refuse(body.reason, `${method} ${path}`, {})
  const taken = body.value?.length ?? 0
  try {
    if (reply.gone.aborted) return
    await yieldIfLong()
    const judged = await line.desk.read(cell.id, {
      provider: line.terms.provider,
      method,
      target: target.value,
      headers,
      hasBody: body.value !== undefined,
      bytes: body.value ?? new Uint8Array(0),
      granted: grantedWaysOut(cell, line, gate.nowMs()),
      outputTokens: new Map([...line.terms.prices].map(([name, { outputTokensMax }]) => [name, outputTokensMax])),
    })
    if (reply.gone.aborted) return
    if (!judged.ok) return refuse(judged.reason, `${method} ${path}`, {})
    const asked = judged.value
    if (!asked.ok) {
      const fault = asked.reason
      if (fault.kind === 'upgrade') return answer(reply, upgradeRefusal(), undefined)
      return refuse(modelFaultText(fault), `${method} ${path}`, {})
    }
    const { model } = asked.value
    if (model !== undefined && !line.mayAsk(model))
      return refuse(`model ${model} is none of those that ${line.name} may be asked`, 'generate', { model })
    await send(gate, cell, line, { asked: asked.value, method, path, reply, room })
  } finally {
    room.give(taken)
  }
}

/** Reads a body whole, and as it is without its content coding. What is returned is taken of the room. */
async function readBody(
  { hasBody, body, headers, length }: Served['request'],
  room: Room,
): Promise<Result<Uint8Array | undefined, string>> {
  if (!hasBody) {
    body.resume()
    return ok(undefined)
  }
  const coding = contentCoding(headers.filter(([name]) => name === 'content-encoding').map(([, value]) => value))
  if (!coding.ok) return coding
  const whole = await readWhole(body, { length, room, bytesMax: DECODED_BYTES_MAX })
  if (!whole.ok || coding.value === undefined) return whole
  const decoded = await decodeBody(whole.value, coding.value)
  room.give(whole.value.length)
  if (!decoded.ok) return decoded
  return room.take(decoded.value.length) ? decoded : no('too much is being read of its cell at once')
}

/** Returns the ways out that some live grant of the cell names; whether one may be used now is decided with its request. */
function grantedWaysOut(cell: ServedCell, { name }: ModelLine, nowMs: number): readonly ModelWayOut[] {
  const { grants } = topOf(authorityOf(cell))
  const live = grants.filter(({ upstream, expiresAtMs }) => upstream === name && nowMs < expiresAtMs)
  return MODEL_WAYS_OUT.filter((each) => live.some(({ tools }) => tools.has(grantedName('model', each))))
}

interface Asking {
  readonly asked: ModelAsked
  readonly method: string
  readonly path: string
  readonly reply: WebReply
  readonly room: Room
}

async function send(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: ModelLine,
  { asked, method, path, reply, room }: Asking,
): Promise<void> {
  const { operation, waysOut } = asked
  const [main = 'generate', ...beside] = namesOf(asked)
  const alongside = beside.map((each) => grantedName('model', each))
  const most = mostOf(line, asked)
  if (operation === 'generate' && most.spend === undefined) {
    const problem = `no price of ${asked.model} is known${termsText(asked)}: prices: under model: of ${line.name}`
    const reasons: readonly Refusal[] = [{ kind: 'spend', path: '$.model', problem }]
    const attempt = { upstream: line.name, operation: 'model', target: main, args: { path } } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    return answer(reply, modelRefusal(line.provider, refusalSentence(problem, action)), action)
  }
  const performed = await performWeb(gate, cell, {
    line,
    operation: 'model',
    target: main,
    args: argumentsOf(asked, path),
    most,
    leaving: asked.sent.body?.length,
    alongside,
    sink: reply,
    gone: reply.gone,
    prepare: (onHead) => prepared(gate, line, { asked, method, path, reply, room }, onHead),
  })
  if (reply.hasBegun || reply.gone.aborted) return
  const refused = (problem: string, action: ActionId | undefined) =>
    answer(reply, modelRefusal(line.provider, refusalSentence(problem, action)), action)
  if (performed.kind === 'passed' || performed.kind === 'answered')
    return refused('its answer may not be shown', performed.action)
  if (performed.kind === 'held') return refused('it waits for a person', performed.hold)
  if (performed.kind === 'unanswered') {
    const said = { withheld: 'its answer is withheld', 'not-sent': 'it was not sent', unknown: 'no whole answer came' }
    return refused(said[performed.outcome], performed.action)
  }
  const away = awayText(performed.reasons, line.name)
  if (away !== undefined) return refused(away, performed.action)
  const budget = performed.reasons.some(({ kind }) => kind === 'budget')
  const own = performed.reasons.find((reason) => reason.kind === 'arguments')
  const said = own === undefined ? (budget ? 'a budget is used up' : 'it may not do this') : own.problem
  refused(waysOut.length > 0 && own === undefined ? `${said}: ${waysOut.join(', ')}` : said, performed.action)
}

/** Returns the name that a request is decided by, and those of the ways out that it makes use of. */
function namesOf({ operation, waysOut }: ModelAsked): readonly string[] {
  return operation === 'way-out' ? waysOut : [operation, ...waysOut]
}

/** Returns the most that a request takes of budgets. */
function mostOf(line: ModelLine, asked: ModelAsked): Cost {
  const units = mostItCosts(line.prices, asked)
  const price = asked.model === undefined ? undefined : line.prices.get(asked.model)
  const input = asked.inputTokensMax ?? price?.inputTokensMax
  const tokens = input === undefined ? undefined : input + asked.outputTokensMax
  return {
    ...(units !== undefined && { spend: { units, currency: MODEL_CURRENCY } }),
    ...(tokens !== undefined && { tokens }),
  }
}

function termsText({ priced: { tier, speed } }: ModelAsked): string {
  const terms = [tier, speed].filter((each) => each !== undefined)
  return terms.length === 0 ? '' : ` (${terms.join(', ')})`
}

function argumentsOf(asked: ModelAsked, path: string): JsonObject {
  const { model, stream, tools, waysOut, inputTokensMax, outputTokensMax, operation } = asked
  return {
    path,
    ...(model !== undefined && { model }),
    ...(operation === 'generate' && { stream, tools: tools.length, outputTokensMax }),
    ...(inputTokensMax !== undefined && operation === 'generate' && { inputTokensMax }),
    ...(waysOut.length > 0 && { waysOut }),
  }
}

/** Puts a request into the bytes that leave. What the ledger does not keep of them, it has the digest of. */
function prepared(
  gate: EnvironmentContext,
  line: ModelLine,
  { asked, method, reply, room }: Asking,
  onHead: (head: AnswerHead) => void,
): Prepared {
  const { path, headers, body } = asked.sent
  const flat = [...headers.flat(), 'accept-encoding', 'identity']
  const head = requestHead(method, path, line.origin.authority, flat)
  const kept = body === undefined || line.terms.kept ? body : digestOf(body)
  return {
    bytes: kept === undefined ? head : Buffer.concat([head, kept]),
    send: (options) => {
      const reader = new ModelAnswers({ asked, prices: line.prices, kept: line.terms.kept, room })
      const bodyBytes = body?.length ?? 0
      const exchange = new HttpExchange({
        send: options,
        secrets: gate.secrets,
        method,
        bodyBytes,
        reply,
        onHead,
        reader,
      })
      try {
        line.pool.dispatch(
          {
            path,
            method,
            // What its owner puts in stands in no payload.
            headers: [...flat, ...[...line.headers].flat()],
            body: body ?? null,
          },
          exchange,
        )
      } catch (error) {
        exchange.failed(error)
      }
      return exchange.ended
    },
  }
}

function digestOf(body: Uint8Array): Uint8Array {
  return Buffer.from(`(${body.length} bytes, sha256 ${createHash('sha256').update(body).digest('hex')})`)
}

/** Refuses in the words of the provider, which its clients show and stop at. */
function answer(reply: WebReply, { status, headers, body }: ModelRefusal, reference: ActionId | undefined): void {
  if (reply.hasBegun) return reply.cut()
  reply.begin(status, [...headers, ...(reference === undefined ? [] : [[REFERENCE_HEADER, reference] as const])])
  if (body.length > 0) reply.write(body)
  reply.end()
}

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
import type { Slots } from '../../fairness/slots.ts'
import type { Prepared } from '../../pipeline/line.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import { readTarget } from '../../web/request-target.ts'
import { REFERENCE_HEADER } from '../../web/web-reply.ts'
import type { WebReply } from '../../web/web-request.ts'
import { readWhole } from '../http/body.ts'
import { contentCoding, DECODED_BYTES_MAX, type DecodeOptions, decodeBody } from '../http/decode.ts'
import type { AnswerHead } from '../http/exchange.ts'
import { requestHead, sendRequest } from '../http/send-request.ts'
import type { Served } from '../http/serve.ts'
import { awayText, notAllowed, performWeb, refusalSentence } from '../http/web-attempt.ts'
import { ModelAnswers } from './answer.ts'
import type { ModelAsked } from './judge.ts'
import type { ModelLine } from './line.ts'
import { PRICES_VERSION } from './price-list.ts'
import { type MostTokens, mostItCosts, mostTokens, priceLine } from './prices.ts'
import { tableOf } from './provider.ts'
import { modelFaultText, modelRefusal } from './refusal.ts'
import { type ProviderRefusal, ToldReply } from './told-reply.ts'

/** One request to a provider that came in. */
export interface ServedModel extends Served {
  /** Slots for bodies of the cell that are unpacked at once. */
  readonly unpacking: Slots
}

/** Serves one request of a cell to a provider of models: it is judged by its table, reserved, sent, and settled. */
export async function serveModel(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: ModelLine,
  { request, reply, room, unpacking }: ServedModel,
): Promise<void> {
  const { method, headers } = request
  const { provider } = line
  const path = request.target.split('?', 1)[0]?.slice(0, LIMITS.faultCharactersMax) ?? ''
  const refuse = async (problem: string, tool: string, args: JsonObject) => {
    request.body.resume()
    const reasons: readonly Refusal[] = [{ kind: 'arguments', path: '$', problem }]
    const about = { path, table: tableOf(provider), ...args }
    const attempt = { upstream: line.name, operation: 'model', target: tool, args: about } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    answer(reply, modelRefusal(provider, refusalSentence(problem, action)), action)
  }
  const target = readTarget(request.target)
  if (!target.ok) return refuse(target.reason, method, {})
  const body = await readBody(request, { room, unpacking, gone: reply.gone })
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
      injected: line.injected,
      limits: line.ownLimits,
    })
    if (reply.gone.aborted) return
    if (!judged.ok) return refuse(judged.reason, `${method} ${path}`, {})
    const asked = judged.value
    if (!asked.ok) return refuse(modelFaultText(asked.reason), `${method} ${path}`, {})
    const { model } = asked.value
    if (model !== undefined && !line.mayAsk(model))
      return refuse(`model ${model} is none of those that ${line.name} may be asked`, 'generate', { model })
    await send(gate, cell, line, { asked: asked.value, method, reply, room })
  } finally {
    room.give(taken)
  }
}

/** Reads a body whole, and as it is without its content coding. What is returned is taken of the room. */
async function readBody(
  { hasBody, body, headers, length }: Served['request'],
  { room, unpacking, gone }: Pick<ServedModel, 'room' | 'unpacking'> & { readonly gone: AbortSignal },
): Promise<Result<Uint8Array | undefined, string>> {
  if (!hasBody) {
    body.resume()
    return ok(undefined)
  }
  const coding = contentCoding(headers.filter(([name]) => name === 'content-encoding').map(([, value]) => value))
  if (!coding.ok) return coding
  const whole = await readWhole(body, { length, room, bytesMax: DECODED_BYTES_MAX })
  if (!whole.ok || coding.value === undefined) return whole
  const decoded = await unpacked(whole.value, { coding: coding.value, room }, unpacking, gone)
  room.give(whole.value.length)
  return decoded
}

/** Unpacks a body when it is its turn. */
function unpacked(
  body: Uint8Array,
  options: DecodeOptions,
  unpacking: Slots,
  gone: AbortSignal,
): Promise<Result<Uint8Array, string>> {
  return new Promise((resolve) => {
    const unpack = () =>
      void decodeBody(body, options).then((decoded) => {
        unpacking.give()
        resolve(decoded)
      })
    unpacking.take(unpack, gone, () => resolve(no('it was called off')))
  })
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
  readonly reply: WebReply
  readonly room: Room
}

async function send(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: ModelLine,
  { asked, method, reply, room }: Asking,
): Promise<void> {
  const args = argumentsOf(line, asked, method)
  const { operation, waysOut } = asked
  const [main = 'generate', ...beside] = namesOf(asked)
  const alongside = beside.map((each) => grantedName('model', each))
  const most = mostOf(line, asked)
  if (operation === 'generate' && most.spend === undefined) {
    const problem = noPriceText(line, asked)
    const reasons: readonly Refusal[] = [{ kind: 'spend', path: '$.model', problem }]
    const attempt = { upstream: line.name, operation: 'model', target: main, args } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    return answer(reply, modelRefusal(line.provider, refusalSentence(problem, action)), action)
  }
  const told = new ToldReply(reply)
  const performed = await performWeb(gate, cell, {
    line,
    operation: 'model',
    target: main,
    args,
    most,
    leaving: asked.sent.body?.length,
    isStreamed: false,
    alongside,
    sink: told,
    gone: reply.gone,
    prepare: (onHead) => prepared(gate, line, { asked, method, reply: told, room }, onHead),
    // Of a conversation, and of what is sent by a way out, its arguments say next to nothing.
    prepareApproved:
      asked.sent.body === undefined
        ? (onHead) => prepared(gate, line, { asked: approvedOf(line, asked), method, reply: told, room }, onHead)
        : undefined,
  })
  if (reply.hasBegun || reply.gone.aborted) return
  const refused = (problem: string, action: ActionId | undefined) =>
    answer(reply, modelRefusal(line.provider, refusalSentence(problem, action)), action)
  const said = told.take()
  // What it says of a key is for whoever has the key.
  if (said?.status === 401) return refused(`${line.name} does not take the key of its owner`, performed.action)
  if (said !== undefined) return answer(reply, said, performed.action)
  if (performed.kind === 'passed' || performed.kind === 'answered')
    return refused('its answer may not be shown', performed.action)
  if (performed.kind === 'held') return refused('it waits for a person', performed.hold)
  if (performed.kind === 'unanswered') {
    const why = { withheld: 'its answer is withheld', 'not-sent': 'it was not sent', unknown: 'no whole answer came' }
    return refused(why[performed.outcome], performed.action)
  }
  const away = awayText(performed.reasons, line.name)
  if (away !== undefined) return refused(away, performed.action)
  const budget = performed.reasons.some(({ kind }) => kind === 'budget')
  const own = performed.reasons.find((reason) => reason.kind === 'arguments')
  const why =
    own === undefined ? (budget ? 'a budget is used up' : notAllowed(performed.reasons, line.name)) : own.problem
  refused(waysOut.length > 0 && own === undefined ? `${why}: ${waysOut.join(', ')}` : why, performed.action)
}

/** Returns the name that a request is decided by, and those of the ways out that it makes use of. */
function namesOf({ operation, waysOut }: ModelAsked): readonly string[] {
  return operation === 'way-out' ? waysOut : [operation, ...waysOut]
}

/** Returns the most that a request takes of budgets. */
function mostOf(line: ModelLine, asked: ModelAsked): Cost {
  const units = mostItCosts(line.prices, asked)
  const price = asked.model === undefined ? undefined : line.prices.get(asked.model)
  const tokens = asked.operation === 'generate' ? price && tokensOf(mostTokens(asked, price)) : asked.inputTokensMax
  return {
    ...(units !== undefined && { spend: { units, currency: MODEL_CURRENCY } }),
    ...(tokens !== undefined && { tokens }),
  }
}

function tokensOf({ read, written }: MostTokens): number {
  return read + written
}

/** Returns why a model has no price, and what a person writes where so that it has one. */
function noPriceText({ name, prices }: ModelLine, { model = '', priced: { tier, speed } }: ModelAsked): string {
  const terms = [tier, speed].filter((each) => each !== undefined)
  if (prices.has(model) && terms.length > 0)
    return `no price of ${model} is known as ${terms.join(', ')}: ask for it without service_tier and speed`
  return `no price of ${model} is known. Write one into the configuration, under model: of the upstream ${name} (in dollars for a million tokens, with the most tokens of both): ${priceLine(model)}`
}

/** Returns a request as it leaves where a person has let it through: no header is its cell's. */
function approvedOf({ provider }: ModelLine, asked: ModelAsked): ModelAsked {
  const headers = [['accept', '*/*'] as const, ...(provider.approvedHeaders ?? [])]
  return { ...asked, sent: { ...asked.sent, headers } }
}

function argumentsOf({ provider, terms }: ModelLine, asked: ModelAsked, method: string): JsonObject {
  const { model, stream, tools, waysOut, inputTokensMax, outputTokensMax, operation, query, leftBehind } = asked
  const isOwn = model !== undefined && terms.prices.has(model)
  return {
    ...(operation === 'way-out' && { method }),
    path: asked.sent.path.replace(/\?.*$/s, ''),
    ...(Object.keys(query).length > 0 && { query }),
    ...(model !== undefined && { model }),
    ...(operation === 'generate' && { stream, tools: tools.length, outputTokensMax }),
    ...(inputTokensMax !== undefined && operation === 'generate' && { inputTokensMax }),
    ...(waysOut.length > 0 && { waysOut }),
    ...(leftBehind.length > 0 && { leftBehind }),
    table: tableOf(provider),
    ...(operation === 'generate' && { prices: isOwn ? 'configuration' : PRICES_VERSION }),
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
      const request = { method, path, headers: flat, body }
      return sendRequest(line, request, { send: options, secrets: gate.secrets, reply, onHead, reader }).ended
    },
  }
}

function digestOf(body: Uint8Array): Uint8Array {
  return Buffer.from(`(${body.length} bytes, sha256 ${createHash('sha256').update(body).digest('hex')})`)
}

/** Refuses in the words of the provider, which its clients show and stop at. */
function answer(reply: WebReply, { status, headers, body }: ProviderRefusal, reference: ActionId | undefined): void {
  if (reply.hasBegun) return reply.cut()
  reply.begin(status, [...headers, ...(reference === undefined ? [] : [[REFERENCE_HEADER, reference] as const])])
  if (body.length > 0) reply.write(body)
  reply.end()
}

import { isJsonObject, type Json, type JsonObject } from '../../../model/index.ts'
import { FROM_UPSTREAM, parseStrictJson, parseStrictText } from '../../content/strict-json.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import type { Room } from '../../fairness/room.ts'
import { SseReader } from '../mcp/sse.ts'
import type { ModelApi } from './provider.ts'
import { type ModelToolCall, ToolCalls } from './tool-calls.ts'

/** Tokens of one answer, by what they are charged as, and what its provider says that changes their price. */
export interface ModelUsage {
  /** Read anew: neither from a cache nor into one. */
  readonly input: number
  readonly cacheRead: number
  readonly cacheWrite: number
  /** Written to a cache that keeps them for longer. */
  readonly cacheWriteLong: number
  /** True where it says of all that was written for how long it is kept. */
  readonly saysKept?: true
  /** With what the model thought. */
  readonly output: number
  /** Searches that the provider made. */
  readonly searches: number
  /** The model that answered. */
  readonly model?: string
  readonly tier?: string
  readonly speed?: string
  readonly geo?: string
}

/** The usage and tool calls that were read of one answer on its way through. */
export interface ModelAnswer {
  /** Undefined where none came, or not the last word of it: what was reserved stays spent then. */
  readonly usage: ModelUsage | undefined
  readonly calls: readonly ModelToolCall[]
}

/** Bytes of an answer that is no stream; 128,000 tokens have about half a megabyte. */
export const WHOLE_ANSWER_BYTES_MAX = 16_777_216
/** Tokens that one number of a usage may say; anything above is no usage. */
const TOKENS_MAX = 1_000_000_000

/**
 * Reads one answer piece by piece, beside its way to the cell. It never throws, whatever comes: what it cannot read, or has no
 * room for, has no usage. Holds at most one event of a stream, or the whole of an answer that is none, and what came of calls
 * that have not ended; all of it is taken of the room until `end`.
 */
export class ModelAnswerReader {
  readonly #api: ModelApi
  readonly #room: Room
  #events: SseReader | undefined
  readonly #whole = new GrowingBytes()
  readonly #calls = new ToolCalls()
  /** Parts of the usage as they came, the newest over the older. */
  #said: Record<string, Json> = {}
  #about: JsonObject = {}
  #searches = 0
  #final = false
  #lost = false
  /** Bytes that are taken of the room. */
  #taken = 0

  constructor(api: ModelApi, form: 'json' | 'events', room: Room) {
    this.#api = api
    this.#room = room
    this.#events = form === 'events' ? new SseReader() : undefined
  }

  push(piece: Uint8Array): void {
    if (this.#lost) return
    try {
      if (this.#events !== undefined) for (const { data } of this.#events.push(piece)) this.#event(data)
      else if (this.#whole.length + piece.length <= WHOLE_ANSWER_BYTES_MAX) this.#whole.push(piece)
      else return this.#lose()
    } catch {
      // No UTF-8, or an event that is too large.
      return this.#lose()
    }
    const held = (this.#events?.held ?? this.#whole.capacity) + this.#calls.held
    if (held <= this.#taken) this.#room.give(this.#taken - held)
    else if (!this.#room.take(held - this.#taken)) return this.#lose()
    this.#taken = held
  }

  /** Returns what was read, once the answer has ended or broken off. */
  end(): ModelAnswer {
    if (this.#events === undefined && !this.#lost) {
      const json = parseStrictJson(this.#whole.take(), FROM_UPSTREAM)
      if (json.ok) this.#body(json.value)
      else this.#lost = true
    }
    this.#calls.end()
    this.#room.give(this.#taken)
    this.#taken = 0
    const usage = this.#final && !this.#lost ? usageIn(this.#api, this.#said, this.#about, this.#searches) : undefined
    return { usage, calls: this.#calls.all }
  }

  /** Reads no more of it, and holds nothing; its usage is not known. */
  #lose(): void {
    this.#lost = true
    this.#events = undefined
    this.#whole.take()
    this.#calls.drop()
    this.#room.give(this.#taken)
    this.#taken = 0
  }

  #body(value: Json): void {
    // Google streams a list where nobody asks for events.
    const parts = Array.isArray(value) && this.#api === 'generate' ? value : [value]
    for (const part of parts) {
      if (!isJsonObject(part)) continue
      switch (this.#api) {
        case 'messages':
          this.#take(part, part.usage)
          this.#final = isJsonObject(part.usage)
          for (const block of items(part.content))
            if (block.type === 'tool_use') this.#calls.add(block.name, block.id, block.input)
          break
        case 'responses':
          this.#response(part)
          break
        case 'chat':
          this.#take(part, part.usage)
          this.#final = isJsonObject(part.usage)
          for (const choice of items(part.choices)) {
            const { message } = choice
            for (const call of isJsonObject(message) ? items(message.tool_calls) : []) this.#chatCall(call)
          }
          break
        case 'generate':
          this.#generated(part)
      }
    }
  }

  #event(data: string): void {
    if (data === '[DONE]') return
    const json = parseStrictText(data, FROM_UPSTREAM)
    if (!json.ok || !isJsonObject(json.value)) return
    const event = json.value
    switch (this.#api) {
      case 'messages':
        return this.#message(event)
      case 'responses':
        if (/^response\.(?:completed|incomplete|failed)$/.test(String(event.type)) && isJsonObject(event.response))
          this.#response(event.response)
        return
      case 'chat':
        return this.#chatChunk(event)
      case 'generate':
        return this.#generated(event)
    }
  }

  #message(event: JsonObject): void {
    const { index, content_block: block, delta, message } = event
    const key = String(index)
    switch (event.type) {
      case 'message_start':
        if (isJsonObject(message)) this.#take(message, message.usage)
        return
      case 'content_block_start':
        if (isJsonObject(block) && block.type === 'tool_use') this.#calls.begin(key, block.name, block.id)
        return
      case 'content_block_delta':
        if (isJsonObject(delta) && delta.type === 'input_json_delta') this.#calls.piece(key, delta.partial_json)
        return
      case 'content_block_stop':
        return this.#calls.end(key)
      case 'message_delta':
        // Cumulative: its numbers stand for those that came before.
        this.#take({}, event.usage)
        if (isJsonObject(event.usage)) this.#final = true
    }
  }

  #response(response: JsonObject): void {
    this.#take(response, response.usage)
    this.#final = isJsonObject(response.usage)
    for (const item of items(response.output)) {
      const { type, name, call_id: id } = item
      if (type === 'function_call') this.#calls.addText(name, id, item.arguments)
      else if (type === 'custom_tool_call') this.#calls.add(name, id, item.input)
      else if (type === 'local_shell_call' || type === 'shell_call') this.#calls.add(type, id, item.action)
      else if (type === 'apply_patch_call') this.#calls.add(type, id, item.operation)
      else if (type === 'web_search_call') this.#searches++
    }
  }

  #chatChunk(chunk: JsonObject): void {
    if (isJsonObject(chunk.usage)) {
      this.#take(chunk, chunk.usage)
      this.#final = true
    }
    for (const choice of items(chunk.choices)) {
      const { delta } = choice
      for (const call of isJsonObject(delta) ? items(delta.tool_calls) : []) {
        const key = `${choice.index}.${call.index}`
        const inner = isJsonObject(call.function) ? call.function : call.custom
        if (!isJsonObject(inner)) continue
        this.#calls.begin(key, inner.name, call.id)
        this.#calls.piece(key, inner.arguments ?? inner.input)
      }
    }
  }

  #chatCall(call: JsonObject): void {
    const inner = isJsonObject(call.function) ? call.function : call.custom
    if (isJsonObject(inner)) this.#calls.addText(inner.name, call.id, inner.arguments ?? inner.input)
  }

  #generated(part: JsonObject): void {
    this.#take(part, part.usageMetadata)
    let ended = isJsonObject(part.promptFeedback)
    for (const candidate of items(part.candidates)) {
      const { content, finishReason, groundingMetadata } = candidate
      if (typeof finishReason === 'string') ended = true
      const queries = isJsonObject(groundingMetadata) ? groundingMetadata.webSearchQueries : undefined
      if (Array.isArray(queries)) this.#searches += queries.length
      for (const { functionCall: call } of isJsonObject(content) ? items(content.parts) : [])
        if (isJsonObject(call)) this.#calls.add(call.name, call.id, call.args ?? {})
    }
    if (ended && isJsonObject(part.usageMetadata)) this.#final = true
  }

  #take(about: JsonObject, usage: Json | undefined): void {
    const { model = about.modelVersion, service_tier: tier } = about
    this.#about = { ...this.#about, ...(model !== undefined && { model }), ...(tier !== undefined && { tier }) }
    if (!isJsonObject(usage)) return
    for (const [name, value] of Object.entries(usage)) if (value !== null) this.#said[name] = value
  }
}

function items(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((item) => isJsonObject(item)) : []
}

/** Returns a usage as all providers' are charged; undefined where it says what is no number of tokens. */
function usageIn(api: ModelApi, said: JsonObject, about: JsonObject, searches: number): ModelUsage | undefined {
  const wrong = { any: false }
  const tokens = (from: Json | undefined, name: string): number => {
    const value = isJsonObject(from) ? from[name] : undefined
    if (value === undefined || value === null) return 0
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX) return value
    wrong.any = true
    return 0
  }
  const counted = COUNTED[api](said, tokens)
  if (wrong.any || Object.keys(said).length === 0) return undefined
  const { service_tier: tier = about.tier, speed, inference_geo: geo } = said
  const { model } = about
  return {
    ...counted,
    searches: counted.searches + searches,
    ...(typeof model === 'string' && { model }),
    ...(typeof tier === 'string' && { tier }),
    ...(typeof speed === 'string' && { speed }),
    ...(typeof geo === 'string' && { geo }),
  }
}

type Tokens = (from: Json | undefined, name: string) => number
type Counted = Pick<
  ModelUsage,
  'input' | 'cacheRead' | 'cacheWrite' | 'cacheWriteLong' | 'saysKept' | 'output' | 'searches'
>
type Kind = Exclude<keyof Counted, 'saysKept'>

const COUNTED: Readonly<Record<ModelApi, (said: JsonObject, tokens: Tokens) => Counted>> = {
  messages(said, tokens) {
    const whole = messageTokens(said, tokens)
    // What was summed up in between is charged, and stands in the iterations alone.
    const iterations = items(said.iterations)
    const rounds = iterations.map((each) => messageTokens(each, tokens))
    const sum = (name: Kind) => rounds.reduce((all, each) => all + each[name], 0)
    return {
      input: Math.max(whole.input, sum('input')),
      cacheRead: Math.max(whole.cacheRead, sum('cacheRead')),
      cacheWrite: Math.max(whole.cacheWrite, sum('cacheWrite')),
      cacheWriteLong: Math.max(whole.cacheWriteLong, sum('cacheWriteLong')),
      output: Math.max(whole.output, sum('output')),
      searches: tokens(said.server_tool_use, 'web_search_requests'),
      ...([said, ...iterations].every(({ cache_creation: kept }) => isJsonObject(kept)) && { saysKept: true }),
    }
  },
  responses: (said, tokens) =>
    within(tokens(said, 'input_tokens'), said.input_tokens_details, tokens(said, 'output_tokens'), tokens),
  chat: (said, tokens) =>
    within(tokens(said, 'prompt_tokens'), said.prompt_tokens_details, tokens(said, 'completion_tokens'), tokens),
  generate(said, tokens) {
    const cacheRead = tokens(said, 'cachedContentTokenCount')
    const all = tokens(said, 'promptTokenCount') + tokens(said, 'toolUsePromptTokenCount')
    const output = tokens(said, 'candidatesTokenCount') + tokens(said, 'thoughtsTokenCount')
    return { input: Math.max(0, all - cacheRead), cacheRead, cacheWrite: 0, cacheWriteLong: 0, output, searches: 0 }
  },
}

function messageTokens(said: JsonObject, tokens: Tokens): Counted {
  const cacheWriteLong = tokens(said.cache_creation, 'ephemeral_1h_input_tokens')
  const written = tokens(said, 'cache_creation_input_tokens')
  return {
    input: tokens(said, 'input_tokens'),
    cacheRead: tokens(said, 'cache_read_input_tokens'),
    cacheWrite: Math.max(0, written - cacheWriteLong),
    cacheWriteLong,
    output: tokens(said, 'output_tokens'),
    searches: 0,
  }
}

/** Returns a usage whose tokens of the cache are part of its input. */
function within(all: number, details: Json | undefined, output: number, tokens: Tokens): Counted {
  const cacheRead = Math.min(all, tokens(details, 'cached_tokens'))
  const cacheWrite = Math.min(all - cacheRead, tokens(details, 'cache_write_tokens'))
  return { input: all - cacheRead - cacheWrite, cacheRead, cacheWrite, cacheWriteLong: 0, output, searches: 0 }
}

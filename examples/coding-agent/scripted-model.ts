/**
 * A provider of models on loopback that says what a scenario has it say, in the streams that the real ones speak: Anthropic
 * Messages, OpenAI Responses and chat completions, Google generateContent. An agent's CLI cannot tell it from its own.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A thing that the model says at one turn: a text, or the next tools that it wants called. */
export interface Turn {
  readonly text?: string
  readonly calls?: readonly { readonly name: string; readonly args: Readonly<Record<string, unknown>> }[]
}

/** A request as the scenario sees it, whatever interface it came through. */
export interface Conversation {
  /** Answers of tools that it has, in their order, as text. */
  readonly results: readonly string[]
  /** All that it says, as JSON. */
  readonly text: string
  /** Names of the tools that the client offers. */
  readonly tools: readonly string[]
}

export interface ScriptedModel {
  readonly url: string
  /** Every request, with its path. */
  readonly asked: { readonly path: string; readonly body: unknown; readonly headers: IncomingMessage['headers'] }[]
  close(): void
}

type Body = Readonly<Record<string, unknown>>

/** Returns the turn that wants a command run, by the tool of a shell that the agent has offered. */
export function inShell(command: string, tools: readonly string[]): Turn {
  const shell = tools.find((name) => /^(?:Bash|bash|shell|shell_command|exec_command|run_shell_command)$/.test(name))
  if (shell === 'exec_command') return { calls: [{ name: shell, args: { cmd: command } }] }
  if (shell !== undefined) return { calls: [{ name: shell, args: { command, description: 'the next step' } }] }
  if (!tools.includes('exec')) return { text: `no shell among ${tools.join(', ')}` }
  const script = `text(await tools.exec_command({ cmd: ${JSON.stringify(command)} }))`
  return { calls: [{ name: 'exec', args: { script } }] }
}

/** Returns the answer to a request of a provider's other interfaces; undefined where it is for the model. */
export type Beside = (path: string, body: Body) => object | undefined

/**
 * Starts it. `say` is asked for each turn of the task: of requests that offer no tools (a title, a summary, a warm-up) nobody
 * is asked. `beside` is asked before it.
 */
export async function startScriptedModel(
  say: (conversation: Conversation) => Turn,
  beside: Beside = () => undefined,
): Promise<ScriptedModel> {
  const asked: ScriptedModel['asked'] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.once('end', () => {
      const path = request.url ?? ''
      const isJson = request.headers['content-type']?.includes('json') === true
      const body = isJson && pieces.length > 0 ? (JSON.parse(Buffer.concat(pieces).toString()) as Body) : {}
      asked.push({ path, body, headers: request.headers })
      const other = beside(path, body)
      if (other === undefined) return answer(path, body, response, say)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(other))
    })
  })
  // An agent may be long at one command, and asks on the same connection.
  server.keepAliveTimeout = 0
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  return { url: `http://127.0.0.1:${port}`, asked, close: () => void server.close() }
}

function answer(path: string, body: Body, response: ServerResponse, say: (conversation: Conversation) => Turn): void {
  const [plain = ''] = path.split('?')
  const api = APIS.find(({ at }) => at.test(plain))
  if (api === undefined) {
    response.writeHead(200, { 'content-type': 'application/json' })
    return void response.end(JSON.stringify({ data: [], input_tokens: 10, totalTokens: 10, models: [] }))
  }
  const conversation = api.read(body)
  const turn = conversation.tools.length === 0 ? { text: 'ok' } : say(conversation)
  const isStream = body.stream === true || plain.includes('stream')
  if (!isStream) {
    response.writeHead(200, { 'content-type': 'application/json' })
    return void response.end(JSON.stringify(api.whole(turn, body)))
  }
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  for (const event of api.events(turn, body)) {
    const { type } = event as { readonly type?: string }
    if (api.isNamed && type !== undefined) response.write(`event: ${type}\n`)
    response.write(`data: ${JSON.stringify(event)}\n\n`)
  }
  if (api.ends !== undefined) response.write(`data: ${api.ends}\n\n`)
  response.end()
}

interface Api {
  readonly at: RegExp
  readonly isNamed: boolean
  readonly ends?: string
  read(body: Body): Conversation
  whole(turn: Turn, body: Body): object
  events(turn: Turn, body: Body): readonly object[]
}

let made = 0
const nextId = (kind: string) => `${kind}_${(++made).toString(36).padStart(12, '0')}`

function list(value: unknown): readonly Body[] {
  return Array.isArray(value) ? (value as readonly Body[]) : []
}

/** Returns all texts in what a tool answered, however its client has wrapped them. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value.startsWith('{') ? textOf(unwrapped(value)) : value
  return typeof value === 'object' && value !== null ? Object.values(value).map(textOf).join('\n') : ''
}

/** Returns the object in a text that is one of JSON; of any other, its text in a list. */
function unwrapped(text: string): object {
  try {
    return JSON.parse(text) as object
  } catch {
    return [` ${text}`]
  }
}

const MESSAGES: Api = {
  at: /\/v1\/messages$/,
  isNamed: true,
  read: (body) => ({
    results: list(body.messages).flatMap(({ content }) =>
      list(content).flatMap((part) => (part.type === 'tool_result' ? [textOf(part.content)] : [])),
    ),
    text: JSON.stringify(body),
    tools: list(body.tools).map(({ name }) => String(name)),
  }),
  whole: ({ text, calls = [] }, { model }) => ({
    ...{ id: nextId('msg'), type: 'message', role: 'assistant', model, stop_sequence: null },
    content: [
      ...(text === undefined ? [] : [{ type: 'text', text }]),
      ...calls.map(({ name, args }) => ({ type: 'tool_use', id: nextId('toolu'), name, input: args })),
    ],
    stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
    usage: { input_tokens: 100, output_tokens: 20, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  }),
  events: ({ text, calls = [] }, { model }) => {
    const usage = { input_tokens: 100, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
    const message = {
      id: nextId('msg'),
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      usage,
    }
    const blocks = [
      ...(text === undefined
        ? []
        : [
            [
              { type: 'text', text: '' },
              { type: 'text_delta', text },
            ] as const,
          ]),
      ...calls.map(
        ({ name, args }) =>
          [
            { type: 'tool_use', id: nextId('toolu'), name, input: {} },
            { type: 'input_json_delta', partial_json: JSON.stringify(args) },
          ] as const,
      ),
    ]
    return [
      { type: 'message_start', message },
      ...blocks.flatMap(([block, delta], index) => [
        { type: 'content_block_start', index, content_block: block },
        { type: 'content_block_delta', index, delta },
        { type: 'content_block_stop', index },
      ]),
      {
        type: 'message_delta',
        delta: { stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null },
        usage: { output_tokens: 20 },
      },
      { type: 'message_stop' },
    ]
  },
}

const RESPONSES: Api = {
  at: /\/responses$/,
  isNamed: true,
  read: (body) => ({
    results: list(body.input).flatMap((item) =>
      String(item.type).endsWith('_call_output') ? [textOf(item.output)] : [],
    ),
    text: JSON.stringify(body),
    // Newer clients offer their tools as an item of the conversation.
    tools: [...list(body.tools), ...list(body.input).flatMap((item) => list(item.tools))].flatMap((tool) => [
      String(tool.name ?? tool.type),
      ...list(tool.tools).map(({ name }) => String(name)),
    ]),
  }),
  whole: (turn, body) => responseOf(itemsOf(turn), body),
  events: (turn, body) => {
    const items = itemsOf(turn)
    return [
      { type: 'response.created', response: { ...responseOf([], body), status: 'in_progress' } },
      ...items.flatMap((item, i) => [
        { type: 'response.output_item.added', output_index: i, item: { ...item, status: 'in_progress' } },
        { type: 'response.output_item.done', output_index: i, item },
      ]),
      { type: 'response.completed', response: responseOf(items, body) },
    ]
  },
}

function itemsOf({ text, calls = [] }: Turn): readonly object[] {
  return [
    ...(text === undefined
      ? []
      : [
          {
            ...{ type: 'message', id: nextId('msg'), role: 'assistant', status: 'completed' },
            content: [{ type: 'output_text', text, annotations: [] }],
          },
        ]),
    ...calls.map(({ name, args }) => {
      const id = { id: nextId('fc'), call_id: nextId('call'), status: 'completed' }
      // A tool whose input is a text of its own, and no JSON.
      if (typeof args.script === 'string')
        return { ...id, type: 'custom_tool_call', namespace: 'functions', name, input: args.script }
      return { ...id, type: 'function_call', name, arguments: JSON.stringify(args) }
    }),
  ]
}

function responseOf(output: readonly object[], { model }: Body): object {
  return {
    ...{ id: nextId('resp'), object: 'response', created_at: 1_790_000_000, status: 'completed', model, output },
    ...{ error: null, incomplete_details: null, parallel_tool_calls: true, service_tier: 'default' },
    usage: {
      ...{ input_tokens: 100, output_tokens: 20, total_tokens: 120 },
      ...{ input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } },
    },
  }
}

const CHAT: Api = {
  at: /\/chat\/completions$/,
  isNamed: false,
  ends: '[DONE]',
  read: (body) => ({
    results: list(body.messages).flatMap(({ role, content }) => (role === 'tool' ? [textOf(content)] : [])),
    text: JSON.stringify(body),
    tools: list(body.tools).map((tool) => String((tool.function as Body | undefined)?.name ?? tool.name)),
  }),
  whole: ({ text, calls = [] }, { model }) => ({
    ...{ id: nextId('chatcmpl'), object: 'chat.completion', created: 1_790_000_000, model },
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: text ?? null,
          ...(calls.length > 0 && { tool_calls: chatCalls(calls) }),
        },
        finish_reason: calls.length > 0 ? 'tool_calls' : 'stop',
      },
    ],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  }),
  events: ({ text, calls = [] }, { model }) => {
    const base = { id: nextId('chatcmpl'), object: 'chat.completion.chunk', created: 1_790_000_000, model }
    const delta = {
      role: 'assistant',
      ...(text !== undefined && { content: text }),
      ...(calls.length > 0 && { tool_calls: chatCalls(calls).map((call, index) => ({ index, ...call })) }),
    }
    return [
      { ...base, choices: [{ index: 0, delta, finish_reason: null }] },
      { ...base, choices: [{ index: 0, delta: {}, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' }] },
      { ...base, choices: [], usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } },
    ]
  },
}

function chatCalls(calls: NonNullable<Turn['calls']>): readonly object[] {
  return calls.map(({ name, args }) => ({
    id: nextId('call'),
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  }))
}

const GENERATE: Api = {
  at: /:(?:stream)?[gG]enerateContent$/,
  isNamed: false,
  read: (body) => ({
    results: list(body.contents).flatMap(({ parts }) =>
      list(parts).flatMap(({ functionResponse }) => (functionResponse === undefined ? [] : [textOf(functionResponse)])),
    ),
    text: JSON.stringify(body),
    tools: list(body.tools).flatMap(({ functionDeclarations }) =>
      list(functionDeclarations).map(({ name }) => String(name)),
    ),
  }),
  whole: (turn) => generated(turn),
  events: (turn) => [generated(turn)],
}

function generated({ text, calls = [] }: Turn): object {
  const parts = [
    ...(text === undefined ? [] : [{ text }]),
    ...calls.map(({ name, args }) => ({ functionCall: { name, args } })),
  ]
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 20, totalTokenCount: 120 },
    modelVersion: 'gemini-2.5-flash',
    responseId: nextId('r'),
  }
}

const APIS: readonly Api[] = [MESSAGES, RESPONSES, CHAT, GENERATE]

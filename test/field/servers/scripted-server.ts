/**
 * An MCP server over stdio that behaves as servers of others do: `node scripted-server.ts <mode> [milliseconds]`.
 *
 * plain        speaks what it is asked for, from 2024-11-05 to 2025-11-25
 * <revision>   answers every `initialize` with this revision
 * refuses      refuses a version that it does not know with an error, and names those that it does
 * exits        ends at whatever comes before `initialize`
 * silent       says nothing to whatever comes before `initialize`
 * drips        tells its progress with whatever comes before `initialize`, and answers nothing
 * slow         reads nothing for so many milliseconds
 * batch        2025-03-26; answers a call in one array with a log message
 * long         answers a call after so many milliseconds; tells its progress every tenth of them where it is asked to
 * mute         the same, without a word meanwhile
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: {
    readonly protocolVersion?: string
    readonly arguments?: unknown
    readonly _meta?: { readonly progressToken?: number }
  }
}

const [mode = 'plain', waitMs = '0'] = process.argv.slice(2)
const own = mode === 'batch' ? '2025-03-26' : /^\d{4}-/.test(mode) ? mode : undefined
let initialized = false

const write = (message: unknown): void => void process.stdout.write(`${JSON.stringify(message)}\n`)
const answer = (id: number | undefined, result: object): void => write({ jsonrpc: '2.0', id, result })
const refuse = (id: number | undefined, code: number, message: string, data?: object): void =>
  write({ jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } })

const inputSchema = { type: 'object', properties: { q: { type: 'string' } } }
const stock = { name: 'stock', description: 'stock of a shop', inputSchema, annotations: { readOnlyHint: true } }

process.stderr.write(`${mode} begins\n`)
if (mode === 'slow') await delay(Number(waitMs))
for await (const line of createInterface({ input: process.stdin })) {
  // What Firebreak wrote.
  const message = JSON.parse(line) as Message
  process.stderr.write(`asked ${message.method}\n`)
  if (!initialized && message.method !== 'initialize') {
    if (mode === 'exits') process.exit(1)
    if (mode === 'silent') continue
    if (mode === 'drips') {
      const params = { progressToken: message.id, progress: 1 }
      setInterval(() => write({ jsonrpc: '2.0', method: 'notifications/progress', params }), 300)
      continue
    }
  }
  await take(message)
}

async function take({ id, method, params = {} }: Message): Promise<void> {
  if (method === 'initialize') return begin(id, params.protocolVersion ?? '')
  if (method === 'tools/list') return answer(id, { tools: [stock] })
  if (method === 'tools/call') return call(id, params)
  if (id !== undefined) refuse(id, -32601, `${method} is not known`)
}

function begin(id: number | undefined, asked: string): void {
  if (mode === 'refuses' && asked !== '2024-11-05')
    return refuse(id, -32602, 'Unsupported protocol version', { supported: ['2024-11-05'], requested: asked })
  initialized = true
  const serverInfo = { name: 'scripted', version: '1' }
  answer(id, { protocolVersion: own ?? asked, capabilities: { tools: {} }, serverInfo })
}

async function call(id: number | undefined, params: NonNullable<Message['params']>): Promise<void> {
  const result = { content: [{ type: 'text', text: `3 of ${JSON.stringify(params.arguments)}` }] }
  if (mode === 'batch') {
    const said = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'looking' } }
    return write([said, { jsonrpc: '2.0', id, result }])
  }
  const token = params._meta?.progressToken
  for (let step = 1; step <= 10 && (mode === 'long' || mode === 'mute'); step++) {
    await delay(Number(waitMs) / 10)
    const progress = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: token, progress: step },
    }
    if (mode === 'long' && token !== undefined) write(progress)
  }
  answer(id, result)
}

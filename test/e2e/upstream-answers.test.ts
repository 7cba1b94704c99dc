/** What an upstream can answer: nothing of a lie reaches the cell, and the ledger says what became of the action. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import { residentMiB, startGatewayProcess } from '../kit/gateway.ts'
import { answer, eventText, type ScriptedCall, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp } from '../kit/temporary.ts'
import { call, errorOf, type HttpReply, initialize, modern, post, rpc, textOf } from '../kit/wire.ts'

const SECRET = 'tr0ub4dor/&3+horse'
process.env.FIREBREAK_TEST_SECRET = SECRET

const SUM: JsonObject = { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] }
type Answering = (call: ScriptedCall) => JsonObject | undefined | Promise<JsonObject | undefined>

const closing: string[] = []
const trap = createServer((request, response) => {
  closing.push(request.url ?? '')
  response.end('{}')
})
await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
cleanUp(() => void trap.close())
const address = trap.address()
const trapUrl = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}/` : ''

const json = (text: string): Answering => raw(200, 'application/json', text)

function raw(status: number, type: string, text: string, headers: Readonly<Record<string, string>> = {}): Answering {
  return ({ id, response }) => {
    response.writeHead(status, { 'content-type': type, ...headers })
    response.end(text.replaceAll('$ID', JSON.stringify(id)))
    return undefined
  }
}

const OK = '"result":{"resultType":"complete","content":[{"type":"text","text":"leaked"}]}'

/** Tool → how its upstream answers, and what the ledger must call the outcome. */
const LIES: Readonly<Record<string, readonly [outcome: 'withheld' | 'unknown', Answering]>> = {
  garbage: ['unknown', json('<html>leaked</html>')],
  'nothing-at-all': ['unknown', json('')],
  'half-an-answer': ['unknown', json(`{"jsonrpc":"2.0","id":$ID,${OK.slice(0, -4)}`)],
  'wrong-id': ['unknown', json(`{"jsonrpc":"2.0","id":999999,${OK}}`)],
  'id-as-text': [
    'unknown',
    ({ id, response }) => void json(`{"jsonrpc":"2.0","id":"${String(id)}",${OK}}`)({ response } as ScriptedCall),
  ],
  'no-id': ['unknown', json(`{"jsonrpc":"2.0",${OK}}`)],
  'duplicate-keys': ['unknown', json(`{"jsonrpc":"2.0","id":$ID,"result":{"content":[]},${OK}}`)],
  'duplicate-keys-within': [
    'unknown',
    json(`{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"isError":true,"isError":false}}`),
  ],
  'byte-order-mark': ['unknown', json(`\uFEFF{"jsonrpc":"2.0","id":$ID,${OK}}`)],
  'result-and-error': ['unknown', json(`{"jsonrpc":"2.0","id":$ID,${OK},"error":{"code":1,"message":"x"}}`)],
  'a-batch': ['unknown', json(`[{"jsonrpc":"2.0","id":$ID,${OK}}]`)],
  deep: ['unknown', json(`{"jsonrpc":"2.0","id":$ID,"result":{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}}`)],
  compressed: ['unknown', raw(200, 'application/json', 'x', { 'content-encoding': 'gzip' })],
  'redirect-302': ['unknown', raw(302, 'text/plain', '', { location: trapUrl })],
  'redirect-307': ['unknown', raw(307, 'text/plain', '', { location: trapUrl })],
  'redirect-308': ['unknown', raw(308, 'application/json', `{"jsonrpc":"2.0","id":$ID,${OK}}`, { location: trapUrl })],
  'status-500': ['unknown', raw(500, 'text/plain', 'leaked')],
  'dies-mid-answer': [
    'unknown',
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
      response.write('{"jsonrpc":"2.0","id":1,"result":{"leaked')
      setTimeout(() => response.destroy(), 20)
      return undefined
    },
  ],
  'stream-without-answer': ['unknown', raw(200, 'text/event-stream', ': leaked\n\n')],
  upgrades: [
    'unknown',
    ({ request }) => {
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: leaked\r\nConnection: Upgrade\r\n\r\n')
      return undefined
    },
  ],
  'not-http': [
    'unknown',
    ({ request }) => {
      request.socket.end('leaked\r\n\r\n')
      return undefined
    },
  ],
  'status-400': ['withheld', raw(400, 'text/plain', 'leaked')],
  'stream-of-garbage': ['withheld', raw(200, 'text/event-stream', 'data: leaked\n\n')],
  'stream-not-utf8': [
    'withheld',
    ({ response }) => {
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xfe, 0x0a, 0x0a]))
      return undefined
    },
  ],
  'too-large': ['withheld', flood('application/json')],
  'too-large-event': ['withheld', flood('text/event-stream')],
  'asks-for-elicitation': ['withheld', asking('elicitation/create')],
  'asks-for-sampling': ['withheld', asking('sampling/createMessage')],
  'asks-for-roots': ['withheld', asking('roots/list')],
  'becomes-a-task': ['withheld', () => ({ resultType: 'task', taskId: 'leaked', status: 'working' })],
  'breaks-its-schema': ['withheld', () => ({ ...textResult('leaked'), structuredContent: { sum: 'leaked' } })],
  'lacks-its-structure': ['withheld', () => textResult('leaked')],
  'secret-verbatim': ['withheld', () => textResult(`it is ${SECRET}.`)],
  'secret-in-base64': ['withheld', () => textResult(Buffer.from(`x${SECRET}`).toString('base64'))],
  'secret-in-base64url': ['withheld', () => textResult(Buffer.from(SECRET).toString('base64url'))],
  'secret-in-hex': ['withheld', () => textResult(Buffer.from(SECRET).toString('hex'))],
  'secret-in-percent': ['withheld', () => textResult(encodeURIComponent(SECRET))],
  'secret-in-structure': ['withheld', () => ({ ...textResult('-'), structuredContent: { sum: 1, note: SECRET } })],
  'secret-as-a-key': ['withheld', () => ({ ...textResult('-'), _meta: { [SECRET]: 1 } })],
  'secret-in-an-error': [
    'withheld',
    ({ id, response }) => {
      answer(response, id, { error: { code: -32000, message: 'failed', data: { header: SECRET } } })
      return undefined
    },
  ],
  'secret-escaped': [
    'withheld',
    json(`{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"${escaped(SECRET)}"}]}}`),
  ],
  'secret-in-a-stream': [
    'withheld',
    ({ id, response }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(eventText({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...textResult(SECRET) } }))
      return undefined
    },
  ],
}

/** Lies about what a result holds need a definition that promises something. */
const PROMISING = new Set(['breaks-its-schema', 'lacks-its-structure'])

const upstream = await startUpstream({
  era: 'modern',
  tools: [...Object.keys(LIES), 'honest', 'fails', 'refuses', 'progress'].map((name) =>
    tool(name, PROMISING.has(name) ? { outputSchema: SUM } : {}),
  ),
  onCall: (asked) => (LIES[asked.name]?.[1] ?? HONEST[asked.name] ?? (() => undefined))(asked),
})

const HONEST: Readonly<Record<string, Answering>> = {
  honest: () => textResult('honest'),
  fails: () => ({ ...textResult('it went wrong'), isError: true }),
  refuses: ({ id, response }) => {
    answer(response, id, { error: { code: -32050, message: 'no', data: { why: 'closed' } } })
    return undefined
  },
  progress: ({ id, response, params }) => {
    const meta = isJsonObject(params._meta) ? params._meta : {}
    const notify = (method: string, more: JsonObject) =>
      response.write(eventText({ jsonrpc: '2.0', method, params: more }))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    notify('notifications/progress', { progressToken: meta.progressToken ?? 0, progress: 1, message: 'half' })
    notify('notifications/progress', { progressToken: meta.progressToken ?? 0, progress: 2, message: SECRET })
    notify('notifications/message', { level: 'error', data: { header: `Bearer ${SECRET}` } })
    notify('notifications/message', { level: 'error', logger: Buffer.from(SECRET).toString('hex'), data: 'x' })
    notify('notifications/message', { level: 'error', data: 'a clean line' })
    response.write(eventText({ jsonrpc: '2.0', id: 77, method: 'sampling/createMessage', params: {} }))
    response.end(eventText({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...textResult('done') } }))
    return undefined
  },
}

const gateway = await startGatewayProcess({
  upstreams: {
    liar: {
      mcp: { url: upstream.url, headers: { authorization: 'Bearer ${secret:liar}' } },
      tools: {
        ...Object.fromEntries(upstream.script.tools.map(({ name }) => [String(name), 'write' as const])),
        progress: { effect: 'read', returns: [] },
        honest: { effect: 'write', returns: { $: ['confidential:customers'] } },
      },
    },
  },
  secrets: { liar: { env: 'FIREBREAK_TEST_SECRET' } },
})
const cell = await gateway.admit()
const url = cell.url('liar')

describe('S11, S10: an upstream that lies', { concurrency: 1 }, () => {
  for (const [name, [outcome]] of Object.entries(LIES)) {
    it(`S11: ${name}: ${outcome}`, async () => {
      const reply = await call(url, name)
      assert.equal(errorOf(reply)?.code, -32603, reply.text.slice(0, 300))
      assert.doesNotMatch(reply.text, /leaked|horse/)
      assert.equal(await outcomeOf(reply), outcome)
      assert.equal(textOf(await call(url, 'honest')), 'honest', 'the next call is served')
    })
  }

  it('S6: no redirect was followed', () => {
    assert.deepEqual(closing, [])
  })

  it('S17: answers past their limit were not taken in', () => {
    assert.ok(residentMiB(gateway.gatewayPid) < 512)
  })
})

describe('an upstream that fails honestly', () => {
  it('its error result and its protocol error reach the cell as they are, and the ledger says failed', async () => {
    const failed = await call(url, 'fails')
    assert.equal(textOf(failed), 'it went wrong')
    const refused = await call(url, 'refuses')
    assert.deepEqual(errorOf(refused), { code: -32050, message: 'no' })
    const failures = (all: Entries) =>
      all.filter((entry) => entry.kind === 'action.outcome' && entry.outcome === 'failed')
    assert.equal(failures(await gateway.entries((all) => failures(all).length === 2)).length, 2)
  })
})

describe('S10: what belongs to a request and is not its answer', () => {
  it('S10: a secret does not reach a cell in progress or in a log line', async () => {
    const level = { 'io.modelcontextprotocol/logLevel': 'debug', progressToken: 'p' }
    const newer = await call(url, 'progress', {}, { meta: level })
    const headers = await initialize(url)
    const older = await post(url, rpc('tools/call', { name: 'progress', _meta: { progressToken: 'p' } }), { headers })
    for (const reply of [newer, older]) {
      assert.equal(textOf(reply), 'done')
      assert.match(reply.text, /"message":"half"/)
      assert.match(reply.text, /a clean line/)
      assert.doesNotMatch(reply.text, /horse/)
      assert.doesNotMatch(reply.text, new RegExp(Buffer.from(SECRET).toString('hex')))
      assert.doesNotMatch(reply.text, /sampling/)
    }
    const noted = (all: Entries) =>
      all.filter(
        (entry) => entry.kind === 'action.outcome' && /meanwhile held the secret "liar"/.test(entry.detail ?? ''),
      )
    assert.equal(noted(await gateway.entries((all) => noted(all).length === 2)).length, 2)
  })

  it('S10: the secret was sent where it belongs, and stands nowhere in the ledger', async () => {
    assert.equal(upstream.headers.at(-1)?.authorization, `Bearer ${SECRET}`)
    assert.doesNotMatch(JSON.stringify(await gateway.entries()), /horse/)
    assert.doesNotMatch((await modern(url, 'tools/list', {})).text, /horse/)
  })

  it('S10: each leak that was cut names its secret in the ledger', async () => {
    const cut = (await gateway.entries()).filter(
      (entry) => entry.kind === 'action.outcome' && entry.leaked !== undefined,
    )
    assert.ok(cut.every((entry) => entry.kind === 'action.outcome' && entry.leaked?.join() === 'liar'))
    assert.equal(cut.length, Object.keys(LIES).filter((name) => name.startsWith('secret-')).length + 2)
  })

  it('S15: progress has the labels of its call, and a log line may be of any call to its upstream', async () => {
    const labelsAfter = async (meta: JsonObject) => {
      const agent = await gateway.admit()
      await call(agent.url('liar'), 'progress', {}, { meta })
      const { result } = (await call(agent.url(), 'firebreak__authority')).message
      const own = isJsonObject(result) && isJsonObject(result.structuredContent) ? result.structuredContent : {}
      return own.labels
    }
    assert.deepEqual(await labelsAfter({ progressToken: 'p' }), [])
    const level = { 'io.modelcontextprotocol/logLevel': 'debug' }
    assert.deepEqual(await labelsAfter(level), ['untrusted', 'confidential:customers'])
  })
})

type Entries = Awaited<ReturnType<typeof gateway.entries>>

async function outcomeOf({ message }: HttpReply): Promise<string | undefined> {
  const error = isJsonObject(message.error) ? message.error : {}
  const data: Json | undefined = error.data
  const reference = isJsonObject(data) ? data.reference : undefined
  const find = (all: Entries) => all.find((entry) => entry.kind === 'action.outcome' && entry.action === reference)
  const found = find(await gateway.entries((all) => find(all) !== undefined))
  return found?.kind === 'action.outcome' ? found.outcome : undefined
}

function asking(method: string): Answering {
  return () => ({ resultType: 'input_required', inputRequests: { leaked: { method, params: { message: 'leaked' } } } })
}

function flood(type: string): Answering {
  return async ({ response }) => {
    response.writeHead(200, { 'content-type': type })
    response.write(type === 'application/json' ? '{"jsonrpc":"2.0","id":1,"result":{"leaked":"' : 'data: leaked')
    const chunk = Buffer.alloc(1_048_576, 0x61)
    for (let sent = 0; sent < 100 && !response.destroyed; sent++) if (!response.write(chunk)) await delay(1)
    response.destroy()
    return undefined
  }
}

function escaped(text: string): string {
  return [...text].map((c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join('')
}

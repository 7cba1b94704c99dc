/**
 * Programs of a real cell that ask a model at its provider's own name, with a key that is none: curl, whose requests are
 * those of claude. The provider is a server on loopback that counts what it is asked, and answers with real streams.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

interface Asked {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const USAGE = { input_tokens: 1_000, output_tokens: 1 }

/** Answers as the Messages API does: a stream of events with a call of a tool, and the usage at its end. */
async function provider() {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece
    })
    request.once('end', () => {
      asked.push({ url: request.url ?? '', headers: request.headers, body })
      const { stream, model, messages } = JSON.parse(body) as {
        stream?: boolean
        model: string
        messages: { content: string }[]
      }
      if (messages[0]?.content === 'fail') {
        response.writeHead(529, { 'content-type': 'application/json' })
        return void response.end('{"type":"error","error":{"type":"overloaded_error","message":"busy"}}')
      }
      if (messages[0]?.content === 'denied') {
        response.writeHead(401, { 'content-type': 'application/json', 'anthropic-organization-id': 'of-its-owner' })
        return void response.end('{"type":"error","error":{"message":"invalid key sk-ant-rea***********cdef"}}')
      }
      response.setHeader('anthropic-organization-id', 'of-its-owner')
      response.setHeader('request-id', 'req_1')
      if (messages[0]?.content === 'break') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('event: message_start\ndata: {"type":"message_start","message":{}}\n\n')
        return void setTimeout(() => response.destroy(), 20)
      }
      const usage = { ...USAGE, output_tokens: 500 }
      if (stream !== true) {
        response.setHeader('content-type', 'application/json')
        return void response.end(
          JSON.stringify({ type: 'message', model, content: [{ type: 'text', text: 'hello' }], usage }),
        )
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const events = [
        { type: 'message_start', message: { model, usage: USAGE } },
        {
          type: 'content_block_start',
          index: 0,
          content_block: { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} },
        },
        {
          type: 'content_block_delta',
          index: 0,
          delta: { type: 'input_json_delta', partial_json: '{"command":"ls"}' },
        },
        { type: 'content_block_stop', index: 0 },
        { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage },
        { type: 'message_stop' },
      ]
      for (const event of events) response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
      response.end()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { text: `http://127.0.0.1:${port}`, asked }
}

const HAIKU = 'claude-haiku-4-5'

describe('a program of a cell, and a model', { skip: SKIP }, () => {
  let said: Readonly<Record<string, string>> = {}
  let entries: readonly Entry[] = []
  let state = ''
  let upstream: Awaited<ReturnType<typeof provider>>

  before(async () => {
    upstream = await provider()
    const ask = (body: object, more = '') =>
      `printf '%s' '${JSON.stringify(body)}' | curl -sS -N -m 20 -w ' [%{http_code}]' -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' -H 'x-api-key: none' ${more} -d @- https://api.anthropic.com/v1/messages`
    const message = (content: string, more: object = {}) => ({
      model: HAIKU,
      max_tokens: 1_000,
      messages: [{ role: 'user', content }],
      ...more,
    })
    const attempts: Readonly<Record<string, string>> = {
      whole: ask(message('hi')),
      stream: ask(message('hi', { stream: true })),
      packed: ask(message('packed'))
        .replace('| curl', '| gzip -c | curl')
        .replace('-d @-', "-H 'content-encoding: gzip' --data-binary @-"),
      elsewhere: 'curl -sS -m 20 https://evil.example/',
      fail: ask(message('fail')),
      break: ask(message('break', { stream: true })),
      'another model': ask({ ...message('hi'), model: 'claude-opus-5' }),
      'web search': ask(message('hi', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] })),
      'unknown member': ask(message('hi', { webhook: 'https://evil.example' })),
      files: `curl -sS -m 20 -w ' [%{http_code}]' -H 'content-type: application/json' -d '{}' https://api.anthropic.com/v1/files`,
      upgrade: `curl -sS -m 20 -o /dev/null -w ' [%{http_code}]' --http1.1 -H 'connection: upgrade' -H 'upgrade: websocket' https://api.anthropic.com/v1/messages`,
      dear: ask(message('hi', { max_tokens: 64_000 })),
      denied: ask(message('denied')),
      head: ask(message('head'), "-D - -H 'anthropic-beta: files-api-2025-04-14' -H 'x-app: of the program'"),
      'no price': ask({ ...message('hi'), model: 'claude-haiku-99' }),
    }
    const script = scriptOf(attempts)
    const directory = temporaryDirectory()
    state = join(directory, 'state')
    const file = writeConfig(directory, {
      secrets: { anthropic: { env: 'ANTHROPIC_KEY' } },
      upstreams: {
        claude: {
          model: {
            ...{ provider: 'anthropic', url: upstream.text, key: '${secret:anthropic}', models: ['claude-haiku-*'] },
            headers: { 'X-App': 'of its owner' },
          },
        },
      },
      agents: {
        alpha: {
          grants: [
            {
              upstream: 'claude',
              tools: ['generate', 'count'],
              budget: { spend: '0.20 USD per day', tokens: '1000000/day' },
              expires: '1d',
            },
          ],
        },
      },
    })
    const ran = await firebreak(['run', '--config', file, '--state', state, '--', 'bash', '-c', script], {
      ANTHROPIC_KEY: 'sk-ant-real-0123456789abcdef',
    })
    assert.equal(ran.code, 0, ran.stderr)
    said = saidIn(ran.stdout)
    entries = await ledgerOf(state)
  })

  const intents = () => entries.flatMap((entry) => (entry.kind === 'action.intent' ? [entry] : []))
  const outcomeOf = (action: string) =>
    entries.flatMap((entry) => (entry.kind === 'action.outcome' && entry.action === action ? [entry] : []))[0]

  it('S4: asking is an action: reserved at its most, and settled by the usage at its end', () => {
    assert.match(said.whole ?? '', /"text":"hello".*\[200\]$/)
    const [whole, stream] = intents()
    assert.ok(whole !== undefined && stream !== undefined)
    assert.deepEqual(
      [whole.upstream, whole.operation, whole.tool, whole.protocol, whole.effect],
      ['claude', 'model', 'generate', 'model', 'spend'],
    )
    const args = whole.args as { readonly model: string; readonly outputTokensMax: number }
    assert.deepEqual([args.model, args.outputTokensMax], [HAIKU, 1_000])
    // A dollar for a million tokens of input, five for as many of output.
    for (const { action } of [whole, stream]) assert.equal(outcomeOf(action)?.settled?.spend, '0.0035 USD')
    assert.equal(outcomeOf(whole.action)?.settled?.tokens, 1_500)
  })

  it('streams come through as they are, and the call that the model asked for is recorded', () => {
    assert.match(said.stream ?? '', /event: message_start\n[\s\S]*event: message_stop\n[\s\S]*\[200\]$/)
    const [, stream] = intents()
    const [ask] = outcomeOf(stream?.action ?? '')?.asks ?? []
    assert.deepEqual([ask?.name, ask?.id, ask?.args?.length], ['Bash', 'toolu_1', 64])
  })

  it('why tells what the model had asked for before a program did something', async () => {
    const [reference = ''] = /a_[a-z0-9]+/.exec(said.elsewhere ?? '') ?? []
    const { stdout } = await firebreak(['why', reference, '--state', state])
    assert.match(stdout, /^refused: /)
    const [, stream] = intents()
    const told = stdout.replaceAll(/\s+/g, ' ')
    const how = 'asked the model of claude asked for Bash, by which a program of the cell may have done it'
    assert.ok(told.includes(`${how} (${stream?.action})`), told)
  })

  it('S10: the owner’s key goes, and the program’s does not', () => {
    for (const { headers } of upstream.asked) {
      assert.equal(headers['x-api-key'], 'sk-ant-real-0123456789abcdef')
      assert.equal(headers['content-encoding'], undefined)
    }
    assert.match(said.packed ?? '', /\[200\]$/)
    assert.ok(upstream.asked.some(({ body }) => body.includes('packed')))
  })

  it('what fails costs nothing; what breaks off stays charged', () => {
    assert.match(said.fail ?? '', /overloaded_error.*\[529\]$/)
    const byContent = new Map(
      intents().map((intent, i) => [upstream.asked[i]?.body.match(/"content":"(\w+)"/)?.[1], intent]),
    )
    assert.equal(outcomeOf(byContent.get('fail')?.action ?? '')?.settled?.spend, '0.00 USD')
    const broken = outcomeOf(byContent.get('break')?.action ?? '')
    assert.deepEqual([broken?.outcome, broken?.settled], ['unknown', undefined])
  })

  it('another model, a way out that nobody granted, a member that nobody knows: refused in the provider’s words', () => {
    for (const name of ['another model', 'web search', 'unknown member', 'files']) {
      const [, json = '', status] = /^(\{.*\}) \[(\d+)\]$/s.exec(said[name] ?? '') ?? []
      assert.equal(status, '400', `${name}: ${said[name]}`)
      const error = JSON.parse(json) as { readonly error: { readonly type: string; readonly message: string } }
      assert.equal(error.error.type, 'invalid_request_error')
      assert.match(error.error.message, /^refused by Firebreak: .*\(reference a_/)
    }
    assert.match(said['web search'] ?? '', /web_search\) that is not granted/)
    assert.match(said.upgrade ?? '', /^\[426\]$/)
    assert.match(JSON.stringify(entries), /it asks for another protocol on its connection/)
    assert.equal(upstream.asked.length, intents().length)
  })

  it('S7: what could cost more than is left is not sent', () => {
    assert.match(said.dear ?? '', /a budget is used up.*\[400\]$/s)
    assert.ok(upstream.asked.every(({ body }) => !body.includes('64000')))
  })

  it('S10: what a provider says of its owner’s account and key stays here', () => {
    assert.match(said.denied ?? '', /claude does not take the key of its owner \(reference a_.* \[400\]$/s)
    assert.doesNotMatch(said.denied ?? '', /sk-ant|cdef|of-its-owner/)
    assert.match(said.head ?? '', /\r\nrequest-id: req_1\r\n/)
    assert.doesNotMatch(said.head ?? '', /organization|of-its-owner/)
  })

  it('tells what stayed behind, and by which tables a request was judged and reserved', () => {
    const at = upstream.asked.findIndex(({ body }) => body.includes('"head"'))
    const { table, prices, leftBehind } = (intents()[at]?.args ?? {}) as Readonly<Record<string, unknown>>
    assert.match(String(table), /^anthropic 2\d{3}-/)
    assert.match(String(prices), /^2\d{3}-/)
    assert.deepEqual(leftBehind, ['files-api-2025-04-14', 'x-app'])
    for (const { headers } of upstream.asked) assert.equal(headers['x-app'], 'of its owner')
  })

  it('a model without a price is refused with the line that gives it one', () => {
    const sentence = JSON.parse(/^\{.*\}/s.exec(said['no price'] ?? '')?.[0] ?? '').error.message as string
    assert.match(sentence, /no price of claude-haiku-99 is known.* under model: of the upstream claude/)
    assert.match(
      sentence,
      /prices: \{ "claude-haiku-99": \{ input: …, output: …, inputTokens: …, outputTokens: … \} \}/,
    )
  })
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Room } from '../../fairness/room.ts'
import type { ModelApi } from './provider.ts'
import { CALLS_MAX } from './tool-calls.ts'
import { type ModelAnswer, ModelAnswerReader, WHOLE_ANSWER_BYTES_MAX } from './usage.ts'

const sse = (events: readonly unknown[]) =>
  events.map((each) => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`).join('')

function read(api: ModelApi, form: 'json' | 'events', text: string, piece = text.length): ModelAnswer {
  const reader = new ModelAnswerReader(api, form, new Room(WHOLE_ANSWER_BYTES_MAX * 2))
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += piece) reader.push(bytes.subarray(i, i + piece))
  return reader.end()
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const NONE = { cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0, searches: 0 }

const MESSAGE_EVENTS = [
  {
    type: 'message_start',
    message: {
      model: 'claude-opus-5-5',
      usage: {
        input_tokens: 10,
        output_tokens: 1,
        cache_read_input_tokens: 500,
        cache_creation_input_tokens: 70,
        cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 40 },
        service_tier: 'standard',
        speed: 'fast',
        inference_geo: 'us',
      },
    },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Grüße 👋' } },
  {
    type: 'content_block_start',
    index: 1,
    content_block: { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} },
  },
  { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '{"command": "ls ' } },
  { type: 'content_block_delta', index: 1, delta: { type: 'input_json_delta', partial_json: '-l", "at": 1}' } },
  { type: 'content_block_stop', index: 1 },
  {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use' },
    usage: { input_tokens: 12, output_tokens: 42, server_tool_use: { web_search_requests: 2 }, cache_creation: null },
  },
  { type: 'message_stop' },
]

const RESPONSE = {
  model: 'gpt-5.6-sol',
  service_tier: 'default',
  output: [
    { type: 'function_call', call_id: 'call_1', name: 'shell', arguments: '{"b":1,"a":2}' },
    { type: 'custom_tool_call', call_id: 'call_2', name: 'apply_patch', input: 'patch' },
    { type: 'web_search_call', id: 'ws' },
  ],
  usage: {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 15 },
  },
}

const CHUNKS = [
  {
    model: 'gpt-5.4',
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'c', function: { name: 'ls', arguments: '' } }] } }],
  },
  {
    model: 'gpt-5.4',
    choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] } }],
    usage: null,
  },
  { model: 'gpt-5.4', choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] } }] },
  {
    model: 'gpt-5.4',
    choices: [],
    usage: { prompt_tokens: 9, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 4 } },
  },
  '[DONE]',
]

const GENERATED = [
  {
    candidates: [{ content: { parts: [{ text: 'a' }] } }],
    usageMetadata: { promptTokenCount: 50, candidatesTokenCount: 1 },
  },
  {
    candidates: [{ content: { parts: [{ functionCall: { name: 'ls', args: { a: 1 } } }] }, finishReason: 'STOP' }],
    usageMetadata: {
      promptTokenCount: 50,
      cachedContentTokenCount: 20,
      candidatesTokenCount: 7,
      thoughtsTokenCount: 5,
    },
    modelVersion: 'gemini-3.6-flash',
  },
]

const STREAMS: readonly (readonly [ModelApi, string, ModelAnswer])[] = [
  [
    'messages',
    sse(MESSAGE_EVENTS),
    {
      usage: {
        ...{ input: 12, cacheRead: 500, cacheWrite: 30, cacheWriteLong: 40, output: 42, searches: 2 },
        ...{ saysKept: true, model: 'claude-opus-5-5', tier: 'standard', speed: 'fast', geo: 'us' },
      },
      calls: [{ name: 'Bash', id: 'toolu_1', digest: digest('{"at":1,"command":"ls -l"}') as never }],
    },
  ],
  [
    'responses',
    sse([
      { type: 'response.created', response: { usage: null } },
      { type: 'response.completed', response: RESPONSE },
    ]),
    {
      usage: {
        ...{ input: 30, cacheRead: 60, cacheWrite: 10, cacheWriteLong: 0, output: 20, searches: 1 },
        ...{ model: 'gpt-5.6-sol', tier: 'default' },
      },
      calls: [
        { name: 'shell', id: 'call_1', digest: digest('{"a":2,"b":1}') as never },
        { name: 'apply_patch', id: 'call_2', digest: digest('"patch"') as never },
      ],
    },
  ],
  [
    'chat',
    sse(CHUNKS),
    {
      usage: { ...NONE, input: 5, cacheRead: 4, output: 3, model: 'gpt-5.4' },
      calls: [{ name: 'ls', id: 'c', digest: digest('{"a":1}') as never }],
    },
  ],
  [
    'generate',
    sse(GENERATED),
    {
      usage: { ...NONE, input: 30, cacheRead: 20, output: 12, model: 'gemini-3.6-flash' },
      calls: [{ name: 'ls', id: undefined, digest: digest('{"a":1}') as never }],
    },
  ],
]

describe('ModelAnswerReader', () => {
  for (const [api, text, expected] of STREAMS) {
    it(`${api}: reads a stream, however it is cut`, () => {
      for (const piece of [text.length * 2, 64, 7, 1]) assert.deepEqual(read(api, 'events', text, piece), expected)
    })

    it(`${api}: has no usage of a stream that breaks off, and throws at nothing`, () => {
      const last = text.lastIndexOf(
        'data: ',
        api === 'messages' || api === 'chat' ? text.lastIndexOf('data: ') - 1 : undefined,
      )
      assert.equal(read(api, 'events', text.slice(0, last)).usage, undefined)
      fc.assert(
        fc.property(fc.nat(text.length), fc.uint8Array({ maxLength: 8 }), fc.boolean(), (at, noise, whole) => {
          const reader = new ModelAnswerReader(api, whole ? 'json' : 'events', new Room(WHOLE_ANSWER_BYTES_MAX))
          reader.push(Buffer.from(text.slice(0, at)))
          reader.push(noise)
          reader.push(Buffer.from(text.slice(at)))
          const { usage } = reader.end()
          assert.ok(usage === undefined || usage.output >= 0)
        }),
        { numRuns: 2_000 },
      )
    })
  }

  it('reads answers that are no streams', () => {
    const message = {
      model: 'm',
      content: [{ type: 'tool_use', id: 't', name: 'n', input: {} }],
      usage: { input_tokens: 1, output_tokens: 2 },
    }
    assert.deepEqual(read('messages', 'json', JSON.stringify(message)), {
      usage: { ...NONE, input: 1, output: 2, model: 'm' },
      calls: [{ name: 'n', id: 't', digest: digest('{}') }],
    })
    assert.deepEqual(read('responses', 'json', JSON.stringify(RESPONSE)), STREAMS[1]?.[2])
    assert.deepEqual(read('generate', 'json', JSON.stringify(GENERATED)), STREAMS[3]?.[2])
    const chat = {
      choices: [{ message: { tool_calls: [{ id: 'c', function: { name: 'ls', arguments: '{"a":1}' } }] } }],
      usage: { prompt_tokens: 9, completion_tokens: 3 },
    }
    assert.deepEqual(read('chat', 'json', JSON.stringify(chat)).calls, STREAMS[2]?.[2].calls)
    assert.equal(read('messages', 'json', '{"error":{}}').usage, undefined)
  })

  it('counts what was summed up in between, which stands in the iterations alone', () => {
    const usage = {
      input_tokens: 100,
      output_tokens: 10,
      iterations: [
        { type: 'compaction', input_tokens: 900, output_tokens: 50 },
        { type: 'message', input_tokens: 100, output_tokens: 10 },
      ],
    }
    const { usage: read_ } = read('messages', 'json', JSON.stringify({ usage }))
    assert.deepEqual(read_, { ...NONE, input: 1_000, output: 60 })
  })

  it('takes no number of tokens that is none', () => {
    for (const tokens of [-1, 1.5, 1e12, '7', {}])
      assert.equal(
        read('messages', 'json', JSON.stringify({ usage: { input_tokens: tokens, output_tokens: 1 } })).usage,
        undefined,
      )
  })

  it('holds a whole answer up to its limit', () => {
    const room = new Room(WHOLE_ANSWER_BYTES_MAX * 2)
    const reader = new ModelAnswerReader('messages', 'json', room)
    for (let i = 0; i <= WHOLE_ANSWER_BYTES_MAX; i += 1_048_576) reader.push(Buffer.alloc(1_048_576, ' '))
    assert.ok(room.take(WHOLE_ANSWER_BYTES_MAX * 2), 'nothing stays taken')
    reader.push(Buffer.from('{"usage":{"input_tokens":1}}'))
    assert.deepEqual(reader.end(), { usage: undefined, calls: [] })
  })

  it('takes what it holds of the room, gives it back, and has no usage where there is no room', () => {
    const begun = { type: 'content_block_start', index: 0, content_block: { type: 'tool_use', id: 't', name: 'n' } }
    const pieces = Array.from({ length: 100 }, () => ({
      ...{ type: 'content_block_delta', index: 0 },
      delta: { type: 'input_json_delta', partial_json: ' '.repeat(100) },
    }))
    const end = { type: 'message_delta', usage: { input_tokens: 1, output_tokens: 1 } }
    const answers: readonly (readonly ['json' | 'events', string])[] = [
      ['json', JSON.stringify({ text: 'x'.repeat(20_000), usage: end.usage })],
      ['events', `data: ${'x'.repeat(20_000)}\n\n${sse([end])}`],
      // The arguments of a call that has not ended.
      ['events', sse([begun, ...pieces, end])],
    ]
    for (const [form, text] of answers) {
      for (const bytes of [5_000, 100_000]) {
        const room = new Room(bytes)
        const reader = new ModelAnswerReader('messages', form, room)
        for (let i = 0; i < text.length; i += 1_000) reader.push(Buffer.from(text.slice(i, i + 1_000)))
        assert.equal(reader.end().usage !== undefined, bytes === 100_000, `${form} ${bytes}`)
        assert.ok(room.take(bytes), 'nothing stays taken')
      }
    }
  })

  it(`tells at most ${CALLS_MAX} calls, and no digest of arguments that are no JSON`, () => {
    const content = Array.from({ length: 300 }, (_, i) => ({ type: 'tool_use', id: `${i}`, name: 'n', input: {} }))
    assert.equal(read('messages', 'json', JSON.stringify({ content })).calls.length, CALLS_MAX)
    const broken = { output: [{ type: 'function_call', call_id: 'c', name: 'n', arguments: '{"a":1,"a":2}' }] }
    assert.deepEqual(read('responses', 'json', JSON.stringify(broken)).calls, [
      { name: 'n', id: 'c', digest: undefined },
    ])
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  asked,
  CHAT,
  CLAUDE,
  CODEX,
  chat,
  claude,
  codexTool,
  GEMINI,
  geminiPart,
  geminiTool,
  image,
  item,
  judge,
  MESSAGES,
  PATH,
  part,
  problem,
  STREAM,
  sentBody,
  tool,
  url,
} from '../../../../test/kit/model-requests.ts'
import { LIMITS } from '../../../model/index.ts'
import { REQUEST_DEPTH_MAX, REQUEST_KEYS_MAX, REQUEST_VALUES_MAX } from './judge.ts'
import type { ModelProvider } from './provider.ts'
import { ANTHROPIC } from './providers/anthropic.ts'
import { GOOGLE } from './providers/google.ts'
import { OPENAI, OPENAI_COMPATIBLE } from './providers/openai.ts'
import type { Dearer } from './shape.ts'

describe('judgeModelRequest', () => {
  it('reads what claude asks, and sends it byte for byte', () => {
    const judged = asked(ANTHROPIC, MESSAGES, CLAUDE, {
      headers: [
        ['anthropic-beta', 'claude-code-20250219,files-api-2025-04-14, interleaved-thinking-2025-05-14'],
        ['authorization', 'Bearer of-its-own'],
        ['x-of-its-own', 'told'],
        ['x-stainless-lang', 'js'],
        ['anthropic-version', '2023-06-01'],
        ['content-encoding', 'gzip'],
      ],
    })
    const bytes = JSON.stringify(CLAUDE).length
    assert.equal(judged.model, 'claude-opus-5-5')
    assert.equal(judged.stream, true)
    assert.equal(judged.outputTokensMax, 128_000)
    assert.ok((judged.inputTokensMax ?? 0) >= bytes)
    assert.deepEqual(judged.tools, ['Bash'])
    assert.deepEqual(judged.waysOut, [])
    assert.equal(new TextDecoder().decode(judged.sent.body), JSON.stringify(CLAUDE))
    assert.deepEqual(judged.sent.headers, [
      ['content-type', 'application/json'],
      ['x-stainless-lang', 'js'],
      ['anthropic-version', '2023-06-01'],
      ['anthropic-beta', 'claude-code-20250219,interleaved-thinking-2025-05-14'],
    ])
    assert.deepEqual(judged.leftBehind, ['files-api-2025-04-14', 'x-of-its-own'])
  })

  it('puts in what codex leaves to its provider: the bound of its output, and its tier', () => {
    const judged = asked(OPENAI, '/v1/responses', CODEX)
    assert.deepEqual(judged.tools, ['shell', 'apply_patch', 'read', 'files', 'tool_search'])
    assert.equal(judged.outputTokensMax, 1_000)
    assert.deepEqual(sentBody(judged), { ...CODEX, max_output_tokens: 1_000, service_tier: 'default' })
  })

  it('keeps nothing at OpenAI that does not ask for it, where the default would', () => {
    const { store, ...rest } = CODEX
    assert.equal(store, false)
    assert.deepEqual(sentBody(asked(OPENAI, '/v1/responses', rest)), {
      ...rest,
      ...{ max_output_tokens: 1_000, store: false, service_tier: 'default' },
    })
  })

  it('reads what gemini asks, and bounds its output in place', () => {
    const judged = asked(GOOGLE, `${STREAM}&key=dummy`, GEMINI)
    assert.equal(judged.model, 'gemini-3.6-flash')
    assert.equal(judged.stream, true)
    assert.equal(judged.sent.path, STREAM)
    assert.deepEqual(judged.leftBehind, ['key'])
    assert.deepEqual(sentBody(judged), {
      ...GEMINI,
      generationConfig: { ...GEMINI.generationConfig, maxOutputTokens: 1_000 },
    })
    const { generationConfig, ...rest } = GEMINI
    assert.deepEqual(sentBody(asked(GOOGLE, STREAM, rest)), { ...rest, generationConfig: { maxOutputTokens: 1_000 } })
    assert.ok(generationConfig)
  })

  it('lets codex sum a conversation up, at the most that its model says', () => {
    const { model, input, instructions } = CODEX
    const judged = asked(OPENAI, '/v1/responses/compact', { model, input, instructions })
    assert.deepEqual([judged.operation, judged.outputTokensMax], ['generate', 1_000])
    const kept = { model, input, prompt_cache_retention: '24h', service_tier: 'flex' }
    assert.deepEqual(asked(OPENAI, '/v1/responses', kept).priced, { tier: 'flex', longCache: true })
    assert.deepEqual(sentBody(judged), { model, input, instructions, service_tier: 'default' })
    assert.match(problem(OPENAI, '/v1/responses/compact', { model, previous_response_id: 'r' }), /way out \(stored\)/)
    assert.equal(asked(OPENAI, '/v1/responses/input_tokens', { model, input }).operation, 'count')
  })

  it('counts each of several answers', () => {
    const many = { ...CHAT, n: 3, max_tokens: 50, max_completion_tokens: 70 }
    assert.equal(asked(OPENAI, '/v1/chat/completions', many).outputTokensMax, 210)
    const gemini = { ...GEMINI, generationConfig: { candidateCount: 4, maxOutputTokens: 10 } }
    assert.equal(asked(GOOGLE, STREAM, gemini).outputTokensMax, 40)
    assert.match(problem(OPENAI, '/v1/chat/completions', { ...CHAT, n: 0 }), /^\$\.n /)
    assert.match(problem(OPENAI, '/v1/chat/completions', { ...CHAT, max_tokens: 1.5 }), /^\$\.max_tokens /)
  })

  it('asks a compatible server in the words that it has', () => {
    const judged = asked(OPENAI_COMPATIBLE, '/v1/chat/completions', { ...CHAT, model: 'vendor/model:free' })
    assert.deepEqual(sentBody(judged), { ...CHAT, model: 'vendor/model:free', max_tokens: 1_000 })
  })

  it('MR1: lets no way out ask a model at a path of another table of its kind, in whatever spelling', () => {
    const granted = { granted: ['stored', 'admin'] } as const
    for (const path of [
      '/v1/responses',
      '/v1/responses/',
      '/v1/Responses',
      '/v1/%2572esponses',
      '/v1/responses/compact',
      '/v1/responses/input_tokens',
      '/v1/responses%2Fcompact',
      '/v1%2Fresponses',
      '/v1/chat%2Fcompletions',
    ])
      assert.match(problem(OPENAI_COMPATIBLE, path, CODEX, granted), /is not known here$/, path)
    assert.match(problem(OPENAI, '/v1/responses%252Fcompact', CODEX, granted), /is not known here$/)
    for (const provider of [OPENAI, OPENAI_COMPATIBLE])
      assert.deepEqual(asked(provider, '/v1/responses/r_1', undefined, granted).waysOut, ['stored'])
  })

  it('lets tokens be counted and models be listed, for nothing', () => {
    const { model, messages, tools } = CLAUDE
    const counted = asked(ANTHROPIC, '/v1/messages/count_tokens', { model, messages, tools })
    assert.deepEqual([counted.operation, counted.inputTokensMax, counted.outputTokensMax], ['count', 0, 0])
    assert.equal(asked(ANTHROPIC, '/v1/models?limit=1000', undefined).operation, 'models')
    assert.equal(asked(OPENAI, '/v1/models/gpt-5.4', undefined).model, 'gpt-5.4')
    const { contents } = GEMINI
    assert.equal(asked(GOOGLE, '/v1beta/models/gemini-3.6-flash:countTokens', { contents }).operation, 'count')
  })

  const unknown: readonly (readonly [ModelProvider, path: string, body: unknown, said: string | RegExp])[] = [
    [ANTHROPIC, MESSAGES, claude({ fallbacks: 'default' }), '$.fallbacks is not known here'],
    [ANTHROPIC, MESSAGES, tool({ type: 'teleport_1' }), '$.tools[0].type is "teleport_1", which is not known here'],
    [ANTHROPIC, MESSAGES, tool({ type: 'web_search*' }), '$.tools[0].type is "web_search*", which is not known here'],
    [ANTHROPIC, MESSAGES, tool({ name: 'a', input_schema: {}, url }), '$.tools[0].url is not known here'],
    [
      ANTHROPIC,
      MESSAGES,
      image({ type: 'base64', media_type: 'image/png', data: '', url }),
      /source\.url is not known/,
    ],
    [ANTHROPIC, MESSAGES, image({ type: 'base64', media_type: 'video/mp4', data: '' }), /media_type is no picture/],
    [
      ANTHROPIC,
      MESSAGES,
      claude({ messages: [{ role: 'user', content: [{ text: 'x' }] }] }),
      /type does not say what it is/,
    ],
    [ANTHROPIC, MESSAGES, claude({ model: undefined }), '$.model is no name of a model'],
    [ANTHROPIC, MESSAGES, claude({ max_tokens: -1 }), '$.max_tokens is no number of tokens'],
    [ANTHROPIC, MESSAGES, [], '$ is no object'],
    [ANTHROPIC, MESSAGES, '{"model":"a","model":"b"}', /duplicate-key/],
    [ANTHROPIC, MESSAGES, '{', /cannot be read: not JSON/],
    [ANTHROPIC, '/v1/messages?beta=false', CLAUDE, '?beta has a value that is not known here'],
    [ANTHROPIC, '/v1/messages?to=attacker', CLAUDE, '?to is not known here'],
    [ANTHROPIC, '/v1/messages?beta=true&beta=true', CLAUDE, '?beta stands there twice'],
    [OPENAI, '/v1/responses', { ...CODEX, store: 'yes' }, '$.store is no boolean'],
    [OPENAI, '/v1/responses', item({ type: 'new_item' }), /which is not known here/],
    [OPENAI, '/v1/chat/completions', chat({ prediction: {} }), '$.prediction is not known here'],
    [GOOGLE, STREAM, { ...GEMINI, system_instruction: {} }, '$.system_instruction is not known here'],
    [GOOGLE, STREAM, geminiPart({ file_data: {} }), '$.contents[0].parts[0].file_data is not known here'],
    [GOOGLE, STREAM, geminiTool({ google_search: {} }), '$.tools[0].google_search is not known here'],
    [GOOGLE, STREAM, geminiTool({ constructor: {} }), '$.tools[0].constructor is not known here'],
  ]
  for (const [provider, path, body, said] of unknown) {
    it(`SH1: ${provider.name} says of ${String(said)}`, () => {
      const found = problem(provider, path, body)
      if (typeof said === 'string') assert.equal(found, said)
      else assert.match(found, said)
    })
  }

  it('SH1: what the table does not name is refused wherever it is put, but within schemas and inputs', () => {
    const FREE = /"(?:input_schema|input|cache_control|thinking|output_config|edits)"/
    const places: (readonly (string | number)[])[] = []
    const walk = (value: unknown, path: readonly (string | number)[]) => {
      if (typeof value !== 'object' || value === null || FREE.test(JSON.stringify(path))) return
      if (!Array.isArray(value)) places.push(path)
      for (const [key, inner] of Object.entries(value)) walk(inner, [...path, Array.isArray(value) ? Number(key) : key])
    }
    walk(CLAUDE, [])
    assert.ok(places.length > 8)
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.stringMatching(/^x_[a-z]{1,12}$/),
        fc.jsonValue(),
        (path, name, value) => {
          const body = structuredClone(CLAUDE)
          // biome-ignore lint/suspicious/noExplicitAny: walks into a copy of the example
          const target = path.reduce((inner: any, step) => inner[step], body)
          target[name] = value
          assert.match(problem(ANTHROPIC, MESSAGES, body), /is not known here$|no member may be called __proto__$/)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('answers any bytes with a judgement, and never throws', () => {
    const body = fc.oneof(
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc.string(),
    )
    const provider = fc.constantFrom(ANTHROPIC, OPENAI, GOOGLE)
    fc.assert(
      fc.property(provider, body, fc.string(), (which, text, type) => {
        const path = PATH[which.name] ?? ''
        const judged = judge(which, path, text, { headers: [['x-other', type]] })
        assert.ok(!judged.ok || judged.value.model !== undefined)
      }),
      { numRuns: 2_000 },
    )
  })

  it('bounds its input by its bytes and pictures; a document by nothing less than its model', () => {
    const picture = image({ type: 'base64', media_type: 'image/png', data: 'iVBO' })
    const plain = asked(ANTHROPIC, MESSAGES, CLAUDE).inputTokensMax ?? 0
    assert.ok(
      (asked(ANTHROPIC, MESSAGES, picture).inputTokensMax ?? 0) > plain - JSON.stringify(CLAUDE).length + 10_000,
    )
    const pdf = claude({
      messages: [
        {
          role: 'user',
          content: [{ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: '' } }],
        },
      ],
    })
    assert.equal(asked(ANTHROPIC, MESSAGES, pdf).inputTokensMax, undefined)
    const data = part({ type: 'input_image', image_url: 'data:image/png;base64,iVBO', detail: 'auto' })
    assert.deepEqual(asked(OPENAI, '/v1/responses', data).waysOut, [])
  })

  it('keeps numbers as they were written, and every byte around what it puts in', () => {
    const text =
      '{ "model" : "gpt-5.4",\n "input":"x", "tools":[{"type":"function","name":"f","parameters":{"maximum":9223372036854775807,"n":1.0}}] }'
    const sent = new TextDecoder().decode(asked(OPENAI, '/v1/responses', text).sent.body)
    assert.ok(sent.endsWith(text.slice(1)))
  })

  it('has at most so many values, keys and levels', () => {
    const many = (values: number) => `{"model":"m","input":"x","metadata":[${'0,'.repeat(values - 5)}0]}`
    assert.equal(problem(OPENAI, '/v1/responses', many(REQUEST_VALUES_MAX - 1)), 'accepted')
    assert.match(problem(OPENAI, '/v1/responses', many(REQUEST_VALUES_MAX + 10)), /too-many-values/)
    const deep = (levels: number) => `{"model":"m","metadata":${'['.repeat(levels)}${']'.repeat(levels)}}`
    assert.equal(problem(OPENAI, '/v1/responses', deep(REQUEST_DEPTH_MAX - 1)), 'accepted')
    assert.match(problem(OPENAI, '/v1/responses', deep(REQUEST_DEPTH_MAX)), /too-deep/)
    const keys = `{"model":"m","metadata":[${'{"a":0},'.repeat(REQUEST_KEYS_MAX)}0]}`
    assert.match(problem(OPENAI, '/v1/responses', keys), /too-many/)
    assert.ok(REQUEST_DEPTH_MAX > LIMITS.jsonDepthMax)
  })

  it('finds what makes a request dearer than one question and its answer', () => {
    const edits = (...types: string[]) => claude({ context_management: { edits: types.map((type) => ({ type })) } })
    const cached = (cache_control: object) => claude({ cache_control })
    const search = (more: object) => codexTool({ type: 'tool_search', ...more })
    const found: readonly (readonly [ModelProvider, object, readonly Dearer[]])[] = [
      [ANTHROPIC, CLAUDE, []],
      [ANTHROPIC, cached({ type: 'ephemeral' }), []],
      [ANTHROPIC, cached({ type: 'ephemeral', ttl: '5m', scope: 'global' }), []],
      [ANTHROPIC, cached({ type: 'ephemeral', ttl: '1h' }), ['long-cache']],
      [ANTHROPIC, edits('clear_tool_uses_20250919', 'clear_thinking_20251015'), []],
      [ANTHROPIC, edits('clear_thinking_20251015', 'compact_20260112'), ['sums']],
      [ANTHROPIC, claude({ compaction: { type: 'summary' } }), ['sums']],
      [ANTHROPIC, tool({ type: 'tool_search_tool_bm25_20251119', name: 'tool_search_tool_bm25' }), ['rounds']],
      [OPENAI, search({ execution: 'client' }), []],
      [OPENAI, search({}), ['rounds']],
      [OPENAI, search({ execution: 'server' }), ['rounds']],
      [OPENAI, { ...CODEX, reasoning: { effort: 'high', mode: 'standard' } }, []],
      [OPENAI, { ...CODEX, reasoning: { mode: 'pro' } }, ['rounds']],
      [OPENAI, { ...CODEX, context_management: [{ type: 'compaction', compact_threshold: 1_000 }] }, ['sums']],
      [OPENAI, item({ type: 'compaction_trigger' }), ['sums']],
      [OPENAI, { ...CODEX, prompt_cache_retention: 'in_memory', prompt_cache_options: { ttl: '30m' } }, []],
      [OPENAI, { ...CODEX, prompt_cache_options: { mode: 'explicit', ttl: '24h' } }, ['long-cache']],
    ]
    for (const [provider, body, dearer] of found) {
      // A turn of claude's asks for an hour.
      const judged = asked(
        provider,
        PATH[provider.name] ?? '',
        provider === ANTHROPIC ? { ...body, messages: [] } : body,
      )
      assert.deepEqual(judged.dearer, dearer, JSON.stringify(body))
      assert.equal(judged.priced.longCache === true, dearer.includes('long-cache'))
    }
    assert.deepEqual(asked(ANTHROPIC, MESSAGES, CLAUDE).dearer, ['long-cache'])
    const granted = { granted: ['web_search'] } as const
    assert.deepEqual(asked(OPENAI, '/v1/responses', codexTool({ type: 'web_search' }), granted).dearer, ['rounds'])
    assert.match(problem(ANTHROPIC, MESSAGES, edits('dream_20270101')), /edits\[0\]\.type is "dream_20270101"/)
    assert.match(problem(OPENAI, '/v1/responses', search({ execution: 'cloud' })), /execution is "cloud"/)
    const other = { ...CODEX, context_management: [{ type: 'rewrite' }] }
    assert.match(problem(OPENAI, '/v1/responses', other), /type is "rewrite"/)
  })

  it('counts what a provider says of a tool of its own', () => {
    const bound = (type: string) => {
      const body = tool({ type, name: 'x' })
      return (asked(ANTHROPIC, MESSAGES, body).inputTokensMax ?? 0) - JSON.stringify(body).length
    }
    assert.equal(bound('browser_toolset_20260801') - bound('custom'), 8_192)
  })

  it('counts a picture as its model does', () => {
    const bound = (model: string, pictures: number) => {
      const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,' } }
      const body = { model, messages: [{ role: 'user', content: Array.from({ length: pictures }, () => picture) }] }
      const { inputTokensMax = 0, besideTokensMax } = asked(OPENAI, '/v1/chat/completions', body)
      return [inputTokensMax - JSON.stringify(body).length, besideTokensMax]
    }
    const [around = 0] = bound('gpt-5.4', 0)
    // 2,833 and 5,667 for each of the 8 tiles of a picture of 768 by 2,048, of which as many as one likes may be sent.
    assert.deepEqual(bound('gpt-4o-mini', 50), [around, 50 * 48_169])
    assert.deepEqual(bound('gpt-5.4', 2), [around + 2 * 16_384, 0])
  })

  it('leaves a beta behind that has a model read more than is known of it, and what its owner puts in', () => {
    const betas = [['anthropic-beta', 'context-1m-2025-08-07,effort-2025-11-24']] as const
    const sent = (inputTokens: number, injected: readonly string[] = []) => {
      const { sent, leftBehind } = asked(ANTHROPIC, MESSAGES, CLAUDE, { headers: betas, inputTokens, injected })
      return [new Map(sent.headers).get('anthropic-beta'), leftBehind]
    }
    assert.deepEqual(sent(1_000_000), ['context-1m-2025-08-07,effort-2025-11-24', []])
    assert.deepEqual(sent(200_000), ['effort-2025-11-24', ['context-1m-2025-08-07']])
    assert.deepEqual(sent(1_000_000, ['anthropic-beta']), [undefined, ['anthropic-beta']])
  })

  it('goes on without another protocol that is offered beside the request', () => {
    const headers = [['upgrade', 'h2c']] as const
    assert.deepEqual(asked(ANTHROPIC, MESSAGES, CLAUDE, { headers }).leftBehind, ['upgrade'])
  })

  it('lets a file be sent to Google in its several requests, where files are granted', () => {
    const headers = [
      ['x-goog-upload-protocol', 'resumable'],
      ['x-goog-upload-command', 'start'],
      ['x-goog-upload-header-content-length', '9'],
    ] as const
    const judged = asked(GOOGLE, '/upload/v1beta/files?uploadType=resumable', {}, { headers, granted: ['files'] })
    assert.deepEqual(judged.sent.headers.slice(1), headers)
    assert.deepEqual(asked(GOOGLE, STREAM, GEMINI, { headers }).leftBehind.length, 3)
  })

  it('refuses bodies that do not say what they are', () => {
    assert.match(
      problem(OPENAI, '/v1/responses', CODEX, { headers: [['content-type', 'text/plain']] }),
      /does not say that it is JSON/,
    )
  })
})

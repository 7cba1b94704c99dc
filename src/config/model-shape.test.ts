import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { LIMITS, type UpstreamName } from '../model/index.ts'
import { loadConfig } from './load.ts'

/** Loads a configuration with one provider of models, whose entry has these lines. */
function load(lines: readonly string[], more: readonly string[] = []) {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  const text = [
    'environments: { test: {}, production: {} }',
    'secrets: { key: { env: KEY } }',
    'upstreams:',
    '  m:',
    '    environment: test',
    ...lines.map((line) => `    ${line}`),
    ...more,
    'agents: {}',
  ]
  writeFileSync(file, text.join('\n'))
  return loadConfig(file, { node: '/usr' })
}

/** Returns the messages of what is wrong with it. */
async function problems(lines: readonly string[], more?: readonly string[]): Promise<readonly string[]> {
  const loaded = await load(lines, more)
  return loaded.ok ? [] : loaded.reason.map(({ message }) => message)
}

const model = (fields: string) => [`model: { ${fields} }`]

describe('model: under an upstream', () => {
  it('is an origin at the provider’s own host, with the owner’s key in the header that it has for it', async () => {
    const loaded = await load(model('provider: openai, models: [gpt-5*], key: "${secret:key}"'))
    assert.ok(loaded.ok, JSON.stringify(loaded))
    const upstream = loaded.value.upstreams.get('m' as UpstreamName)
    assert.ok(upstream?.server.kind === 'origin')
    assert.equal(upstream.server.url.origin, 'https://api.openai.com')
    assert.deepEqual([...upstream.server.headers], [['authorization', 'Bearer ${secret:key}']])
    assert.deepEqual(
      [...upstream.tools.values()].slice(0, 4).map(({ name, effect, accepts }) => [name, effect, accepts]),
      [
        ['model:generate', 'spend', ['untrusted']],
        ['model:count', 'read', ['untrusted']],
        ['model:models', 'read', ['untrusted']],
        ['model:web_search', 'read', ['untrusted']],
      ],
    )
  })

  it('takes so many names of models, each as requests say it', async () => {
    const names = (count: number) => Array.from({ length: count }, (_, i) => `m-${i}`).join(', ')
    assert.deepEqual(await problems(model(`provider: google, models: [${names(LIMITS.modelNamesMax)}]`)), [])
    assert.equal((await problems(model(`provider: google, models: [${names(LIMITS.modelNamesMax + 1)}]`))).length, 1)
    for (const name of ['"*"', '"a*b"', '"../x"', '"a b"'])
      assert.equal((await problems(model(`provider: google, models: [${name}]`))).length, 1, name)
  })

  it('refuses a server without a place, a key in the clear, prices that are none, tools that it does not have', async () => {
    for (const [lines, message] of [
      [model('provider: compatible, models: [x]'), /has a url/],
      [model('provider: compatible, models: [x], url: "http://models.example", key: "${secret:key}"'), /in the clear/],
      [
        model(
          'provider: openai, models: [x], prices: { x: { input: 1e-9, output: 1, inputTokens: 1, outputTokens: 1 } }',
        ),
        /dollars for a million|found/,
      ],
      [[...model('provider: openai, models: [x]'), 'tools: { chat: { effect: read } }'], /nothing that this upstream/],
      [[...model('provider: openai, models: [x]'), 'http: { origin: "https://a.example" }'], /is an MCP server/],
    ] as const) {
      const found = await problems(lines)
      assert.equal(found.length, 1, `${lines}: ${found}`)
      assert.match(found[0] ?? '', message)
    }
  })

  it('S6: may be asked by several environments, which share no other origin', async () => {
    const other = (kind: string) => ['  n:', '    environment: production', `    ${kind}`]
    const one = model('provider: anthropic, models: [claude-*]')
    assert.deepEqual(await problems(one, other('model: { provider: anthropic, models: [claude-*] }')), [])
    assert.equal((await problems(one, other('http: { origin: "https://api.anthropic.com" }'))).length, 1)
  })
})

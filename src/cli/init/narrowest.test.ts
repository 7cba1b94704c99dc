import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { agentName, type Entry, upstreamName } from '../../model/index.ts'
import { narrowestText } from './narrowest.ts'
import { ReachedForFold } from './reached-for.ts'

const CONFIG = `environments:
  test: { observe: true }   # to learn
upstreams:
  shop:
    environment: test
    http: { origin: "https://shop.example" }
    tools:
      GET /items/{id}: { effect: read }
      GET /other: { effect: read }
      POST /items: { effect: write }
  desk: { environment: test, mcp: { url: "https://desk.example/mcp" }, tools: { look: { effect: read } }, resources: ["a://b"] }
agents:
  alpha:
    owner: ana@shop.example   # she answers
    environment: test
GRANTS
    # delegates: [other]
`
const ALPHA = agentName('alpha')

async function read(grants: string): Promise<Config> {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  writeFileSync(file, CONFIG.replace('GRANTS', grants))
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.value
}

const DAY = 86_400_000
function entry(kind: 'action.intent' | 'action.refused', more: object): Entry & { readonly atMs: number } {
  const base = { kind, agent: ALPHA, environment: 'test', upstream: 'shop', operation: 'request', atMs: 0 }
  return { ...base, ...more } as unknown as Entry & { readonly atMs: number } // what is looked at
}
const USED = [
  ...[1, 1, 2, 2, 2].map((day) => entry('action.intent', { tool: 'GET /items/{id}', atMs: day * DAY })),
  entry('action.intent', { upstream: 'desk', operation: 'tool', tool: 'look' }),
  entry('action.intent', { upstream: 'desk', operation: 'resource', tool: 'a://b' }),
]

async function proposed(grants: string, entries: readonly (Entry & { readonly atMs: number })[] = USED) {
  const config = await read(grants)
  const fold = new ReachedForFold(config, ALPHA)
  for (const each of entries) fold.take(each)
  const agent = config.agents.get(ALPHA)
  assert.ok(agent)
  const { text, byHand } = narrowestText(config.text, agent, fold.value)
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  writeFileSync(file, text)
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, `${text}\n${JSON.stringify(loaded)}`)
  const own = loaded.value.agents.get(ALPHA)?.grants ?? []
  return { text, byHand, granted: own.map(({ upstream, tools }) => [upstream, ...tools].join(' ')) }
}

describe('the narrowest grants that cover what was used', () => {
  const ALL = ['desk look resource:a://b', 'shop GET /items/{id}']

  it('are written however grants stand there, and nothing else is changed', async () => {
    for (const grants of [
      '    grants: []',
      '    command: [sh]',
      '    grants: [{ upstream: shop, tools: ["GET /other", "GET /items/{id}"], expires: 1h }]',
      '    grants:   # by hand\n      - upstream: shop\n        tools: ["GET /items/{id}", "POST /items"]\n        expires: 1h',
    ]) {
      const { text, byHand, granted } = await proposed(grants)
      assert.deepEqual([granted.toSorted(), byHand], [ALL, []], text)
      for (const kept of ['# to learn', '# she answers', '# delegates: [other]']) assert.ok(text.includes(kept), kept)
    }
  })

  it('keep what a person wrote of a grant, and give the others the calls of the busiest day', async () => {
    const { text } = await proposed(
      '    grants:\n      - { upstream: desk, tools: [look], budget: { calls: 2/min }, expires: 1h }',
    )
    assert.match(text, /- \{ upstream: desk, tools: \[look\], budget: \{ calls: 2\/min \}, expires: 1h \}/)
    assert.match(text, /upstream: shop, tools: \["?GET \/items\/\{id\}"?\], budget: \{ calls: 3\/day \}/)
  })

  it('take away a grant of which nothing was used; what cannot be taken out by itself is told', async () => {
    const two = '      - { upstream: shop, tools: ["POST /items"], expires: 1h }'
    assert.deepEqual((await proposed(`    grants:\n${two}`)).granted.toSorted(), ALL)
    const alone = await proposed(`    grants:\n${two}`, [])
    assert.deepEqual([alone.granted, alone.byHand], [['shop POST /items'], ['grant 1, on shop']])
  })

  it('never hold what was refused, of which is told what it was', async () => {
    const config = await read('    grants: []')
    const fold = new ReachedForFold(config, ALPHA)
    const at = (name: string) => ({
      ...{ upstream: undefined, operation: 'request' },
      reasons: [{ kind: 'origin', environment: 'test', place: name }],
    })
    const args = { place: 'forged.example  # $ yes', method: 'GET', target: '/a?secret=1' }
    for (const each of [
      entry('action.refused', { tool: 'POST /items', more: 2 }),
      entry('action.refused', { tool: 'GET /items/{id}' }),
      ...USED,
      entry('action.refused', { ...at('evil.example'), args }),
      entry('action.refused', { ...at('x.example'), agent: 'other', args }),
      // A call of a tool that nobody knows says what its cell likes.
      entry('action.refused', { upstream: undefined, operation: 'tool', reasons: [{ kind: 'unknown' }], args }),
      entry('action.refused', { tool: 'GET /gone' }),
      entry('action.intent', { tool: 'POST /items', undoes: 'a_1' }),
      // A person let it through once.
      entry('action.intent', { tool: 'POST /items', hold: 'a_2' }),
    ])
      fold.take(each)
    const { used, refused, places } = fold.value
    assert.deepEqual([...(used.get(upstreamName('shop'))?.tools ?? [])], ['GET /items/{id}'])
    assert.deepEqual(refused, [{ upstream: 'shop', tool: 'POST /items', effect: 'write', times: 3 }])
    assert.deepEqual(
      [...places].map(([where, requests]) => [where, ...requests.keys()]),
      [['evil.example', 'GET /a']],
    )
  })
})

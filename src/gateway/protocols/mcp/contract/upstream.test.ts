import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { environmentName, isJsonObject, type JsonObject, LIMITS, upstreamName } from '../../../../model/index.ts'
import type { McpSent, UpstreamConnection } from '../server/connection.ts'
import { listAll } from '../server/list-all.ts'
import { McpAnswer } from './answer.ts'
import { McpUpstream } from './upstream.ts'

/** A connection that answers each page with what `page` makes of its number; `undefined` never answers. */
function listing(
  page: (number: number) => JsonObject | undefined,
): UpstreamConnection & { readonly asked: () => number } {
  let asked = 0
  const ask = (_: string, params: JsonObject, signal?: AbortSignal) =>
    new Promise<McpSent>((resolve) => {
      signal?.addEventListener('abort', () => resolve({ kind: 'unknown', why: 'it was called off' }))
      const result = page(asked++)
      assert.equal(isJsonObject(params), true)
      if (result === undefined) return
      const bytes = Buffer.from(JSON.stringify(result))
      resolve({ kind: 'answered', bytes, answer: new McpAnswer({ result }, false) })
    })
  const unused = () => assert.fail('not used')
  const name = upstreamName('desk')
  const rest = { prepare: unused, onListChanged: unused, retire: unused, close: unused }
  return {
    name,
    revision: '2026-07-28',
    ask,
    capabilities: {},
    instructions: undefined,
    closed: false,
    asked: () => asked,
    ...rest,
  }
}

const all = (connection: UpstreamConnection) => listAll(connection, 'tools/list', 'tools')

describe('a list of an upstream', () => {
  it('has all of its pages', async () => {
    const connection = listing((n) => ({ tools: [{ name: `t${n}` }], ...(n < 3 && { nextCursor: `${n}` }) }))
    assert.deepEqual([(await all(connection)).items.length, (await all(connection)).notes], [4, []])
  })

  it('ends where nothing is said to follow: an empty cursor, null', async () => {
    for (const nextCursor of ['', null]) {
      const connection = listing(() => ({ tools: [{ name: 'stock' }], nextCursor }))
      assert.deepEqual(await all(connection), { items: [{ name: 'stock' }], lost: [], notes: [] })
      assert.equal(connection.asked(), 1)
    }
  })

  it('S17: whose pages go in a circle ends, and what came is taken', async () => {
    const connection = listing((n) => ({ tools: [{ name: `t${n}` }], nextCursor: 'same' }))
    const { items, notes } = await all(connection)
    assert.deepEqual([items.length, connection.asked()], [2, 2])
    assert.match(notes.join(), /its pages go in a circle \("same"\)/)
    const deaf = await all(listing(() => ({ tools: [{ name: 'stock' }], nextCursor: 'same' })))
    assert.deepEqual([deaf.items, deaf.notes.length], [[{ name: 'stock' }], 1])
  })

  it('S17: has at most 8 MiB and 10,000 items; the rest is left out, and said', async () => {
    assert.deepEqual([LIMITS.listBytesMax, LIMITS.listItemsMax], [8_388_608, 10_000])
    const text = 'x'.repeat(4_000_000)
    const fat = listing((n) => ({ tools: [{ name: `fat${n}`, text }], nextCursor: `${n}` }))
    const { items, notes } = await all(fat)
    assert.deepEqual([items.length, fat.asked()], [2, 3])
    assert.match(notes.join(), /page 3 is left out, and what follows it: more than 8388608 bytes/)
    const many = listing((n) => ({ tools: Array.from({ length: 4_000 }, () => ({})), nextCursor: `${n}` }))
    assert.equal((await all(many)).items.length, 10_000)
    assert.match((await all(many)).notes.join(), /more than 10000 items/)
    const long = await all(listing((n) => ({ tools: [{}], nextCursor: `${n}` })))
    assert.deepEqual(
      [long.items.length, long.notes.join()],
      [100, 'tools/list: more than 100 pages: those are left out'],
    )
  })

  it('S17: takes at most half a minute', async () => {
    const { listMsMax } = LIMITS
    assert.equal(listMsMax, 30_000)
    Object.assign(LIMITS, { listMsMax: 50 })
    await assert.rejects(all(listing(() => undefined)), /longer than 50 ms/)
    const stuck = listing((n) => (n === 0 ? { tools: [{ name: 'first' }], nextCursor: 'a' } : undefined))
    const { items, notes } = await all(stuck)
    assert.equal(items.length, 1)
    assert.match(notes.join(), /longer than 50 ms: what came until then is taken/)
    Object.assign(LIMITS, { listMsMax })
  })

  it('a page that is refused, or that cannot be read, costs what follows and not what came', async () => {
    for (const [second, said] of [
      [{ kind: 'unreadable', why: 'too large' }, /page 2 is left out, and what follows it: too large/],
      [{ kind: 'answered', answer: new McpAnswer({ error: { code: -32602 } }, true) }, /page 2 is refused/],
      [{ kind: 'answered', answer: new McpAnswer({ result: {} }, false) }, /page 2 has no list "tools"/],
    ] as const) {
      const first = listing(() => ({ tools: [{ name: 'stock' }, 7], nextCursor: 'bad' }))
      const then = { ...second, bytes: new Uint8Array() }
      const ask: UpstreamConnection['ask'] = async (method, params, signal) =>
        first.asked() === 0 ? first.ask(method, params, signal) : then
      const { items, lost, notes } = await all({ ...first, ask })
      assert.deepEqual([items, lost], [[{ name: 'stock' }], [{ name: '', why: 'it is no object' }]])
      assert.match(notes.join(), said)
    }
    const refusing = { kind: 'answered', answer: new McpAnswer({ error: { code: -32601 } }, true) } as const
    const refuses: UpstreamConnection = {
      ...listing(() => ({})),
      ask: async () => ({ ...refusing, bytes: new Uint8Array() }),
    }
    await assert.rejects(all(refuses), /-32601/)
    const prompts = await listAll(refuses, 'prompts/list', 'prompts')
    assert.deepEqual([prompts.items, prompts.notes.length], [[], 1])
    const down: UpstreamConnection['ask'] = async () => ({ kind: 'unknown', why: 'it ended' })
    await assert.rejects(all({ ...listing(() => ({})), ask: down }), /desk: tools\/list: it ended/)
  })
})

describe('an upstream that nobody gets to', () => {
  it('S17: is told once a second at the most, whatever it says each time', async () => {
    const told: (string | undefined)[] = []
    let tries = 0
    const upstream = new McpUpstream({
      name: upstreamName('desk'),
      environment: environmentName('test'),
      tools: new Map(),
      connect: () => Promise.reject(new Error(`fault ${tries++}`)),
      onDefinition: () => undefined,
      onStand: (problem) => told.push(problem),
    })
    const begun = performance.now()
    for (let i = 0; i < 50; i++) assert.equal((await upstream.standing(5_000)).kind, 'down')
    upstream.close()
    assert.equal(told[0], 'fault 0')
    assert.ok(told.length <= 1 + (performance.now() - begun) / 1_000, `${told.length}`)
  })
})

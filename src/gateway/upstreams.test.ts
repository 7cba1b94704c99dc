import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isJsonObject, type JsonObject, LIMITS, upstreamName } from '../model/index.ts'
import type { Sent, UpstreamConnection } from './upstream.ts'
import { listAll } from './upstreams.ts'

/** A connection that answers each page with what `page` makes of its number; `undefined` never answers. */
function listing(
  page: (number: number) => JsonObject | undefined,
): UpstreamConnection & { readonly asked: () => number } {
  let asked = 0
  const ask = (_: string, params: JsonObject, signal?: AbortSignal) =>
    new Promise<Sent>((resolve) => {
      signal?.addEventListener('abort', () => resolve({ kind: 'unknown', why: 'it was called off' }))
      const result = page(asked++)
      assert.equal(isJsonObject(params), true)
      if (result === undefined) return
      const bytes = Buffer.from(JSON.stringify(result))
      resolve({ kind: 'answered', bytes, answer: { value: { result }, failed: false } })
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
    assert.equal((await all(connection)).length, 4)
  })

  it('S17: whose pages go in a circle ends', async () => {
    const connection = listing(() => ({ tools: [], nextCursor: 'same' }))
    await assert.rejects(all(connection), /circle/)
    assert.equal(connection.asked(), 2)
  })

  it('S17: has at most 8 MiB and 10,000 items', async () => {
    assert.deepEqual([LIMITS.listBytesMax, LIMITS.listItemsMax], [8_388_608, 10_000])
    const text = 'x'.repeat(4_000_000)
    const fat = listing((n) => ({ tools: [{ name: 'fat', text }], nextCursor: `${n}` }))
    await assert.rejects(all(fat), /more than 8388608 bytes/)
    assert.equal(fat.asked(), 3)
    const many = listing((n) => ({ tools: Array.from({ length: 4_000 }, () => ({})), nextCursor: `${n}` }))
    await assert.rejects(all(many), /more than 10000 items/)
  })

  it('S17: takes at most half a minute', async () => {
    const { listMsMax } = LIMITS
    assert.equal(listMsMax, 30_000)
    Object.assign(LIMITS, { listMsMax: 50 })
    await assert.rejects(all(listing(() => undefined)), /longer than 50 ms/)
    Object.assign(LIMITS, { listMsMax })
  })
})

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Config } from '../../config/config.ts'
import { definitionDigest } from '../../gateway/protocols/mcp/contract/definition.ts'
import { isJsonObject, parseExactJson, toolName, upstreamName } from '../../model/index.ts'
import { acceptedPath, readAccepted, readUnacceptable, writeAccepted } from './accepted.ts'

const SCHEMA = '{"type":"object","properties":{"a":{"maximum":9223372036854775807},"b":{}},"required":["b","a"]}'

/** A file as it was written before descriptions could be left out, and before anything was told beside definitions. */
function earlier(): string {
  const file = join(temporaryDirectory(), 'firebreak.yaml')
  const by = '"acceptedBy":"maria.silva@shop.example","acceptedAt":"2026-11-01T10:00:00.000Z"'
  const tool = `{${by},"definition":{"name":"pay","inputSchema":${SCHEMA}}}`
  writeFileSync(acceptedPath(file), `{"version":1,"upstreams":{"shop":{"pay":${tool}}}}`)
  return file
}

describe('the file of what was accepted', () => {
  it('goes on to hold, as earlier versions wrote it: its sets may be offered in another order', () => {
    const read = readAccepted(earlier())
    assert.ok(read.ok)
    const pay = read.value.get(upstreamName('shop'))?.get(toolName('pay'))
    const offered = parseExactJson(`{"inputSchema":${SCHEMA.replace('["b","a"]', '["a","b"]')},"name":"pay"}`)
    assert.ok(isJsonObject(offered))
    assert.equal(pay?.digest, definitionDigest(offered))
    assert.equal(pay?.anyWords, undefined)
  })

  it('keeps numbers, whether descriptions are bound, and what could not be accepted', () => {
    const file = earlier()
    const shop = upstreamName('shop')
    const read = readAccepted(file)
    assert.ok(read.ok)
    const tools = new Map(
      [...(read.value.get(shop) ?? [])].map(([name, tool]) => [name, { ...tool, anyWords: true as const }]),
    )
    const unfit = new Map([[shop, new Map([['scrape', 'it is nested \u001b[2J too deep']])]])
    writeAccepted(file, new Map([[shop, tools]]), undefined, new Map(), unfit)
    const text = readFileSync(acceptedPath(file), 'utf8')
    assert.match(text, /"maximum": 9223372036854775807/)
    assert.equal(text.includes('\u001b'), false)
    const again = readAccepted(file)
    const pay = again.ok ? again.value.get(shop)?.get(toolName('pay')) : undefined
    assert.equal(pay?.anyWords, true)
    assert.equal(pay?.digest, definitionDigest(pay?.definition ?? {}, true))
    const config = { file, tenants: new Set() } as unknown as Config // what is read of it
    assert.deepEqual(readUnacceptable(config), unfit)
  })
})

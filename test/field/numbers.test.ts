/** Answers that hold numbers, rows and trees as servers send them: in the very characters, or told why not. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openStreamPair } from '../../src/cells/descriptors.ts'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import { type JsonObject, personName, toolName, upstreamName } from '../../src/model/index.ts'
import { writeConfig } from '../kit/config-text.ts'
import { startGatewayOn } from '../kit/gateway.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { call, errorOf } from '../kit/wire.ts'

const TOOLS = ['bigint', 'wei', 'price', 'nan', 'rows', 'tree', 'ends-with-id', 'large', 'like-a-list']
const definitionOf = (name: string): JsonObject => ({
  name,
  description: name,
  inputSchema: { type: 'object', properties: { q: { type: 'string' } } },
  annotations: { readOnlyHint: true },
})

const MASKED = { effect: 'read', mask: ['$.rate'] } as const
const file = writeConfig(temporaryDirectory(), {
  upstreams: {
    shop: {
      mcp: { command: ['shop'] },
      tools: { ...Object.fromEntries(TOOLS.map((name) => [name, 'write' as const])), price: MASKED },
    },
  },
})
const by = { acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
const accepted = TOOLS.map((name) => {
  const definition = definitionOf(name)
  return [toolName(name), { name: toolName(name), definition, digest: definitionDigest(definition), ...by }] as const
})
writeAccepted(file, new Map([[upstreamName('shop'), new Map(accepted)]]))
const gateway = await startGatewayOn(file)
const cell = await gateway.admit()
const [stdin, stdout] = [openStreamPair(), openStreamPair()]
if (!stdin.ok || !stdout.ok) throw new Error('no socket pair')
const server = spawn(process.execPath, [join(import.meta.dirname, 'shop-server.ts'), 'plain'], {
  stdio: [stdin.value.far, stdout.value.far, 'inherit'],
  env: {},
})
server.on('error', () => undefined)
cleanUp(() => void server.kill('SIGKILL'))
gateway.offer('shop', cell.number, [stdin.value.near, stdout.value.near])
for (const { near, far } of [stdin.value, stdout.value]) for (const fd of [near, far]) closeSync(fd)
const url = cell.url('shop')

describe('an answer of a server', () => {
  for (const [name, structured] of [
    ['bigint', '{"channel":1215883588174806058}'],
    ['wei', '{"wei":2500000000000000000,"gwei":1.5e16}'],
    ['price', '{"price":19.90,"rate":"[masked]","none":-0.0}'],
  ] as const)
    it(`S11: its numbers come as they were written: ${name}`, async () => {
      const { text } = await call(url, name)
      assert.ok(text.includes(`"structuredContent":${structured}`), text)
    })

  it('of 12,000 rows, and a tree of forty levels, comes whole', async () => {
    assert.match((await call(url, 'rows')).text, /"id":11999,"sku":"s11999"/)
    assert.match((await call(url, 'tree')).text, /"children":\["text"\]/)
  })

  for (const [name, what] of [
    ['nan', 'NaN at "mean"'],
    ['ends-with-id', 'Infinity at "mean"'],
    ['like-a-list', 'NaN'],
  ] as const)
    it(`that is no JSON (${name}) says why, and that its effect has happened`, async () => {
      const reply = await call(url, name)
      assert.match(
        errorOf(reply)?.message ?? '',
        /the answer was withheld; the call was carried out, so do not repeat it/,
      )
      assert.ok(!reply.text.includes('mean'), 'nothing of the answer')
      const detail = `its answer cannot be read: not JSON: ${what}, which JSON does not have; it answered: its effect counts as one that happened`
      const told = (all: Awaited<ReturnType<typeof gateway.entries>>) =>
        all.some((entry) => entry.kind === 'action.outcome' && entry.detail === detail)
      assert.ok(told(await gateway.entries(told)), detail)
    })

  it('that is too large costs its own call, and the server goes on', async () => {
    assert.match(errorOf(await call(url, 'large'))?.message ?? '', /the answer was withheld; the call was carried out/)
    assert.match((await call(url, 'bigint')).text, /1215883588174806058/)
    const told = (all: Awaited<ReturnType<typeof gateway.entries>>) =>
      all.some((entry) => entry.kind === 'action.outcome' && entry.detail?.includes('larger than 4194304 bytes'))
    assert.ok(told(await gateway.entries(told)))
  })

  it('S11: a number of 64 bits is refused of a cell, which is told where it stands and what to do', async () => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bigint","arguments":{"q":1215883588174806058}}}`
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const response = await fetch(url, { method: 'POST', headers, body })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /unsafe-number at \$\.params\.arguments\.q: .*write it as text/)
  })
})

/** What a cell is told that it can be looked up is in the ledger (S4, S15), and no cell writes so much that another waits. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import { isJsonObject, type JsonObject, LIMITS } from '../../src/model/index.ts'
import { startGateway, type TestGateway } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { until } from '../kit/until.ts'
import { call, initialize, MODERN_META, modernHeaders, post, rpc, textOf } from '../kit/wire.ts'

const FREE = { type: 'object', properties: { text: { type: 'string' }, free: { type: 'object' } } }
let gateway: TestGateway

before(async () => {
  const upstream = await startUpstream({
    era: 'modern',
    tools: [tool('note', { inputSchema: FREE })],
    onCall: () => textResult('noted'),
  })
  gateway = await startGateway({ upstreams: { desk: { mcp: { url: upstream.url }, tools: { note: 'write' } } } })
})

describe('the record of what a cell tries', () => {
  it('S15: each refusal that names a reference is there, whatever the cell sent', async () => {
    const cell = await gateway.admit()
    const emoji = `${'a'.repeat(63)}😀${'b'.repeat(300)}`
    const wide = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, '\u0001'.repeat(250)]))
    const refused: readonly (readonly [string, JsonObject])[] = [
      ['nope', {}],
      ['nope', { text: emoji }],
      [`${'a'.repeat(199)}😀`, {}],
      ['note', { ['k'.repeat(300_000)]: 1 }],
      ['nope', wide],
    ]
    const headers = await initialize(cell.url('desk'))
    const references: string[] = []
    for (const [name, args] of refused) {
      const reply = await post(cell.url('desk'), rpc('tools/call', { name, arguments: args }), { headers })
      assert.ok(reply.text.length < 1_000, 'what a cell sent is not echoed whole')
      const { error } = reply.message
      const data = isJsonObject(error) && isJsonObject(error.data) ? error.data : {}
      references.push(String(data.reference))
    }
    const last = references.at(-1)
    const entries = await gateway.entries((all) => all.some((each) => 'action' in each && each.action === last))
    for (const [i, reference] of references.entries()) {
      const entry = entries.find((each) => each.kind === 'action.refused' && each.action === reference)
      assert.ok(entry, `refusal ${i + 1} is recorded`)
    }
    for (const args of [{ text: emoji }, { free: wide }]) {
      assert.equal(textOf(await call(cell.url('desk'), 'note', args)), 'noted')
    }
    await cell.end()
  })

  it('S14: a cell that is refused without end fills no disk, loses no refusal and no neighbour’s time', async () => {
    const [flooding, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
    const before = (await gateway.entries()).length
    const args = Object.fromEntries(Array.from({ length: 195 }, (_, i) => [`k${i}`.padEnd(250, 'y'), 'x'.repeat(250)]))
    const params = { name: 'nope', arguments: args, _meta: MODERN_META }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
    const headers = { ...modernHeaders('tools/call', params), accept: 'application/json, text/event-stream' }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const request = `POST /mcp/desk HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${lines.join('')}content-length: ${body.length}\r\n\r\n${body}`
    let answered = 0
    /** Returns how many of the flood were answered before one call of a neighbour was: what it waits, whatever else runs here. */
    const asked = async (): Promise<number> => {
      const before = answered
      assert.equal(textOf(await call(neighbour.url('desk'), 'note', {})), 'noted')
      return answered - before
    }
    const references = new Set<string>()
    let flood = true
    const sockets: Socket[] = []
    for (let i = 0; i < 40; i++) {
      const socket = connect(flooding.port, '127.0.0.1')
      await once(socket, 'connect')
      sockets.push(socket)
      socket.on('error', () => undefined)
      let said = ''
      socket.on('data', (data) => {
        said += data.toString()
        const [, reference] = /"reference":"(a_\w{20})"/.exec(said) ?? []
        if (reference === undefined) return
        said = ''
        references.add(reference)
        answered++
        if (flood) socket.write(request)
      })
      socket.write(request)
    }
    const overtaken: number[] = []
    const began = performance.now()
    const passedMs = () => performance.now() - began
    while (passedMs() < 1_500 || (answered < LIMITS.refusalsBurst + 50 && passedMs() < 100_000)) {
      overtaken.push(await asked())
    }
    flood = false
    const refusals = async () =>
      (await gateway.entries()).slice(before).flatMap((entry) => (entry.kind === 'action.refused' ? [entry] : []))
    const floodedS = passedMs() / 1_000
    await until('every refusal is recorded', async () => sum(await refusals()) >= answered)
    for (const socket of sockets) socket.destroy()
    const recorded = await refusals()
    assert.equal(sum(recorded), answered, 'every refusal is counted')
    assert.ok(
      answered > LIMITS.refusalsBurst &&
        recorded.length < LIMITS.refusalsBurst * 1.5 + LIMITS.refusalsPerSecond * (floodedS + 1),
      `${recorded.length} entries of ${answered} in ${floodedS} s`,
    )
    const known = new Set<string>(recorded.map(({ action }) => action))
    assert.deepEqual(
      [...references].filter((reference) => !known.has(reference)),
      [],
    )
    assert.ok(recorded.every(({ args }) => JSON.stringify(args ?? null).length < LIMITS.refusedArgumentBytesMax + 500))
    console.log(
      'OVERTAKEN',
      overtaken.length,
      overtaken.toSorted((a, b) => a - b).filter((_, i, all) => i % Math.ceil(all.length / 20) === 0),
      answered,
    )
    assert.ok(median(overtaken) < 20, `${median(overtaken)} of 40 are answered before one of a neighbour`)
    await flooding.end()
    await neighbour.end()
  })
})

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function sum(entries: readonly { readonly more?: number }[]): number {
  return entries.reduce((total, { more = 0 }) => total + 1 + more, 0)
}

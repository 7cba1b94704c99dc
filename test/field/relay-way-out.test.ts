/** A relay's connections are actions of its cell: a real gateway, its ledger and witness, and a relay's bytes. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { request } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openStreamPair } from '../../src/cells/descriptors.ts'
import { reasonsFrom } from '../../src/gateway/pipeline/record.ts'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import { type ActionOutcome, personName, type Reason, toolName, upstreamName } from '../../src/model/index.ts'
import { explain } from '../../src/policy/index.ts'
import { definitionOf } from '../e2e/agents/lying-server.ts'
import { writeConfig } from '../kit/config-text.ts'
import { startGatewayProcessOn, type TestCell } from '../kit/gateway.ts'
import { listener } from '../kit/listener.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { call, textOf } from '../kit/wire.ts'

const arrived: string[] = []
const open = new Set<Socket>()
const origin = createServer((socket) => {
  open.add(socket.on('error', () => undefined).on('close', () => open.delete(socket)))
  socket.on('data', (chunk: Buffer) => {
    arrived.push(chunk.toString())
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
  })
})
origin.listen(0, '127.0.0.1')
await once(origin, 'listening')
cleanUp(() => {
  origin.close()
  for (const socket of open) socket.destroy()
})
const at = `127.0.0.1:${(origin.address() as AddressInfo).port}` // it listens on a port

const granted = (more: object) => [{ upstream: 'relay', tools: ['honest'], expires: '8h', ...more }]
const config = writeConfig(temporaryDirectory(), {
  environments: { test: { egress: [`http://${at}`] } },
  upstreams: {
    relay: { relay: true, mcp: { command: ['relay'] }, tools: { honest: 'write' } },
    common: { relay: true, mcp: { command: ['relay'], shared: true }, tools: { honest: 'write' } },
  },
  agents: {
    alpha: { grants: granted({}) },
    beta: { grants: granted({ budget: { calls: '1/hour' } }) },
    gamma: { grants: [{ upstream: 'common', tools: ['honest'], expires: '8h' }] },
  },
  containment: { mode: 'enforce', decoys: { hosts: ['vault.corp.example'] } },
})
const definition = definitionOf('honest')
const by = { acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
const tools = new Map([
  [toolName('honest'), { name: toolName('honest'), definition, digest: definitionDigest(definition), ...by }],
])
writeAccepted(config, new Map(['relay', 'common'].map((name) => [upstreamName(name), tools])))
const gateway = await startGatewayProcessOn(config)

/** A cell with a relay of its own, or one that is shared, as the warden would start it; the test speaks for the relay. */
async function cellWithRelay(
  agent: string,
  early?: (port: number) => void,
): Promise<TestCell & { readonly out: number }> {
  const [stdin, stdout, wayOut] = [openStreamPair(), openStreamPair(), listener()]
  if (!stdin.ok || !stdout.ok) throw new Error('no socket pair')
  const main = join(import.meta.dirname, '../e2e/agents/lying-server.ts')
  const child = spawn(process.execPath, [main], { stdio: [stdin.value.far, stdout.value.far, 'ignore'], env: {} })
  child.on('error', () => undefined)
  cleanUp(() => void child.kill('SIGKILL'))
  const shared = agent === 'gamma'
  gateway.offer(shared ? 'common' : 'relay', shared ? null : gateway.next(), [
    stdin.value.near,
    stdout.value.near,
    wayOut.fd,
  ])
  closeSync(wayOut.fd)
  early?.(wayOut.port)
  for (const { near, far } of [stdin.value, stdout.value]) for (const fd of [near, far]) closeSync(fd)
  return { ...(await gateway.admit(agent)), out: wayOut.port }
}

/** What a relay hears of one request. */
const get = (out: number, url = `http://${at}/`) =>
  new Promise<number>((resolve) => {
    request({ host: '127.0.0.1', port: out, path: url, headers: { host: 'x' }, agent: false }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode ?? 0))
    })
      .on('error', () => resolve(0))
      .end()
  })

async function tunnel(out: number): Promise<Socket> {
  const asked = request({ host: '127.0.0.1', port: out, method: 'CONNECT', path: at, agent: false }).end()
  const [response, socket] = (await once(asked, 'connect')) as [{ readonly statusCode: number }, Socket]
  assert.equal(response.statusCode, 200)
  socket.on('error', () => undefined).resume()
  return socket
}

const tried = async (cell: TestCell, enough: (places: readonly string[]) => boolean = (all) => all.length > 0) => {
  let places: readonly string[] = []
  await gateway.entries((entries) => {
    places = entries.flatMap((entry) => {
      if ((entry.kind !== 'action.intent' && entry.kind !== 'action.refused') || entry.cell !== cell.id) return []
      if (!entry.operation?.endsWith('.connect')) return []
      const why = explain({ reasons: reasonsFrom(entry.reasons) as readonly [Reason, ...Reason[]] }) // never empty
      return [`${entry.tool} ${entry.kind === 'action.intent' ? 'ok' : why}`]
    })
    return enough(places)
  })
  return places
}

/** The outcomes of the connections of a cell, with the bytes that passed. */
const outcomes = async (cell: TestCell, enough: (all: readonly ActionOutcome[]) => boolean) => {
  let found: readonly ActionOutcome[] = []
  await gateway.entries((entries) => {
    const own = new Set(
      entries.flatMap((entry) =>
        entry.kind === 'action.intent' && entry.cell === cell.id && entry.protocol === 'relay' ? [entry.action] : [],
      ),
    )
    found = entries.filter((entry) => entry.kind === 'action.outcome' && own.has(entry.action)) as typeof found // by their kind
    return enough(found)
  })
  return found
}

describe('S4: the way out of a relay, by a gateway’s rules', () => {
  it('each connection is an action: its intent is there when the first byte is, its outcome says what passed', async () => {
    const cell = await cellWithRelay('alpha')
    assert.equal(await get(cell.out), 200)
    assert.deepEqual(await tried(cell), [`${at} ok`])
    for (let i = 0; i < 5; i++) assert.equal(await get(cell.out), 200)
    assert.deepEqual(await tried(cell), Array(6).fill(`${at} ok`))
    const ended = await outcomes(cell, (all) => all.length === 6)
    for (const { outcome, passed } of ended) {
      assert.equal(outcome, 'done')
      assert.ok(passed !== undefined && passed.sent > 10 && passed.received >= 2)
    }
  })

  it('waits for the cell that it serves, and is told in its name', async () => {
    let answer: Promise<number> = Promise.resolve(0)
    const cell = await cellWithRelay('alpha', (port) => {
      answer = get(port)
    })
    assert.equal(await answer, 200)
    assert.deepEqual(await tried(cell), [`${at} ok`])
  })

  it('forgets no place after any number of others: a decoy’s host is told, and lowers the cell', {
    timeout: 240_000,
  }, async () => {
    const cell = await cellWithRelay('alpha')
    for (let i = 0; i < 270; i++) assert.equal(await get(cell.out, `http://nobody-${i}.example/`), 403)
    assert.equal(await get(cell.out), 200)
    const flood = Array.from({ length: 60 }, (_, i) => get(cell.out, `http://more-${i}.example/`))
    assert.notEqual(await get(cell.out, 'http://vault.corp.example/secret'), 200)
    const lowered = await gateway.entries((entries) =>
      entries.some((entry) => entry.kind === 'signal.raised' && entry.cell === cell.id && entry.detector === 'decoy'),
    )
    assert.ok(lowered.some((entry) => entry.kind === 'rung.changed' && entry.cell === cell.id))
    assert.notEqual(await get(cell.out), 200)
    await Promise.all(flood)
    const places = await tried(cell, (all) => all.includes(`${at} ok`) && all.some((place) => place.includes('vault')))
    assert.ok(places.some((place) => place.startsWith('http://vault.corp.example/')))
    for (let i = 0; i < 270; i++)
      assert.ok(
        places.some((place) => place.startsWith(`http://nobody-${i}.example/`)),
        `${i}`,
      )
    assert.ok(places.includes(`${at} ok`))
  })

  it('S8: is cut with its cell: a tunnel that stands ends with the order, also one of a relay that cells share', async () => {
    for (const agent of ['alpha', 'gamma']) {
      const cell = await cellWithRelay(agent)
      const socket = await tunnel(cell.out)
      const ended = once(socket, 'close')
      assert.ok((await gateway.order([cell], 'quarantined')).ok)
      await ended
      assert.notEqual(await get(cell.out), 200)
      await cell.end()
    }
  })

  it('S8: a restricted cell only reads, and what its relay sends is no read', async () => {
    const cell = await cellWithRelay('alpha')
    const socket = await tunnel(cell.out)
    assert.ok((await gateway.order([cell], 'restricted')).ok)
    const before = arrived.length
    socket.write('POST / HTTP/1.1\r\n\r\n')
    await once(socket, 'close')
    assert.equal(await get(cell.out), 403)
    assert.equal(arrived.length, before)
  })

  it('S7: where the budgets of its cell are used up, nothing of it leaves, nor on a connection that stands', async () => {
    const cell = await cellWithRelay('beta')
    assert.equal(await get(cell.out), 200)
    const socket = connect(cell.out, '127.0.0.1').on('error', () => undefined)
    const one = `GET http://${at}/ HTTP/1.1\r\nHost: x\r\n\r\n`
    socket.write(one)
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200/)
    assert.equal(textOf(await call(cell.url('relay'), 'honest')), 'honest')
    const before = arrived.length
    socket.write(one)
    assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 403/)
    assert.equal(await get(cell.out), 403)
    assert.equal(arrived.length, before)
    const isTold = (all: readonly string[]) => all.some((text) => text.includes('1 call asked, 0 calls left'))
    assert.ok(isTold(await tried(cell, isTold)))
    socket.destroy()
  })

  it('stands still while the witness is away, and goes on with it', async () => {
    const cell = await cellWithRelay('alpha')
    const socket = await tunnel(cell.out)
    const closed = once(socket, 'close')
    process.kill(gateway.witnessPid, 'SIGSTOP')
    cleanUp(() => void process.kill(gateway.witnessPid, 'SIGCONT'))
    await until('requests are refused', async () => (await get(cell.out)) === 403)
    const before = arrived.length
    socket.write('POST / HTTP/1.1\r\n\r\n')
    await closed
    assert.equal(await get(cell.out), 403)
    assert.equal(arrived.length, before)
    process.kill(gateway.witnessPid, 'SIGCONT')
    await until('requests leave again', async () => (await get(cell.out)) === 200)
    const isTold = (all: readonly string[]) => all.some((text) => /the witness .*the last seal is too old/.test(text))
    assert.ok(isTold(await tried(cell, isTold)))
    // Of a cell that nobody has lowered a connection was cut: nobody knows what of it took place.
    const cut = await outcomes(cell, (all) => all.some(({ outcome }) => outcome === 'unknown'))
    assert.match(cut.find(({ outcome }) => outcome === 'unknown')?.detail ?? '', /the ledger or its witness is away/)
  })
})

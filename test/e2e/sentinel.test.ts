/** The sentinel over the real wire: the action that trips a detector does not arrive, and none after it. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { describe, it } from 'node:test'
import { monotonicUs } from '../../src/model/host/monotonic.ts'
import type { Entry, JsonObject } from '../../src/model/index.ts'
import type { ConfigPlan } from '../kit/config-text.ts'
import { startGateway, startGatewayProcess, type TestGateway } from '../kit/gateway.ts'
import { type ScriptedUpstream, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, errorOf, type HttpReply, modern, post, textOf } from '../kit/wire.ts'

const ANYTHING = { inputSchema: { type: 'object', additionalProperties: true } }
const KEY = 'AKIAQ7ZP4WNX2LHC8VTD'

async function upstream(onCall?: () => JsonObject | Promise<JsonObject>): Promise<ScriptedUpstream> {
  const tools = ['pay', 'note', 'look', 'next'].map((name) => tool(name, ANYTHING))
  return startUpstream({ era: 'modern', tools, onCall: onCall ?? (() => textResult('done')) })
}

function plan(url: string, containment: object, more: Partial<ConfigPlan> = {}): ConfigPlan {
  const spend = {
    effect: 'spend',
    amount: '$.amount',
    currency: '$.currency',
    destinations: { '$.account': ['PT50-1', 'PT50-2'] },
    content: ['$.key'],
    accepts: ['untrusted'],
  } as const
  const tools = { pay: spend, note: 'write', look: 'read', next: 'write' } as const
  return { upstreams: { books: { mcp: { url }, tools } }, containment, ...more }
}

const pay = (key: number, account = 'PT50-1'): JsonObject => ({
  amount: '1.00',
  currency: 'EUR',
  account,
  key: `k${key}`,
})

async function signals(gateway: TestGateway, enough = 1) {
  const all = await gateway.entries(
    (entries) => entries.filter(({ kind }) => kind === 'signal.raised').length >= enough,
  )
  return all.filter((entry): entry is Extract<Entry, { kind: 'signal.raised' }> => entry.kind === 'signal.raised')
}

/** A cell that is cut hears nothing: what was written may still be on its way to the disk. */
async function rungs(gateway: TestGateway, enough = 0) {
  const all = await gateway.entries((entries) => entries.filter(({ kind }) => kind === 'rung.changed').length >= enough)
  return all.flatMap((entry) => (entry.kind === 'rung.changed' ? [{ cell: entry.cell, to: entry.to }] : []))
}

/** What a cell is told that may do nothing any more: that it was refused, or nothing, since its connections are cut. */
async function toldOf(asked: Promise<HttpReply>): Promise<string> {
  try {
    const reply = await asked
    return errorOf(reply)?.message ?? textOf(reply)
  } catch (error) {
    return String(error)
  }
}

const NOTHING_MORE = /refused|not sent|the cell is quarantined|socket hang up|ECONNREFUSED|ECONNRESET/

/** Whatever the cell tries from now on. */
async function triesEverything(url: string): Promise<readonly string[]> {
  const said = []
  for (const name of ['look', 'note', 'pay', 'next']) said.push(await toldOf(call(url, `books__${name}`, { a: 1 })))
  said.push(await toldOf(modern(url, 'tools/list', {})))
  said.push(await toldOf(call(url, 'firebreak__authority')))
  return said
}

describe('a decoy', () => {
  it('is in the list like a tool, and whoever calls it does nothing any more (S8, S9)', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, { decoys: ['books/admin.escalate'] }))
    const cell = await gateway.admit()
    const other = await gateway.admit('beta')
    const list = await modern(cell.url(), 'tools/list', {})
    assert.match(list.text, /"books__admin\.escalate"/)
    assert.match((await modern(cell.url('books'), 'tools/list', {})).text, /"admin\.escalate"/)
    assert.equal(textOf(await call(cell.url(), 'books__look')), 'done')
    assert.match(await toldOf(call(cell.url(), 'books__admin.escalate', { reason: 'maintenance' })), NOTHING_MORE)
    for (const said of await triesEverything(cell.url())) assert.match(said, NOTHING_MORE)
    assert.deepEqual(
      books.calls.map(({ name }) => name),
      ['look'],
    )
    const [signal] = await signals(gateway)
    assert.equal(signal?.detector, 'decoy')
    assert.equal(signal?.rung, 'quarantined')
    const [evidence] = signal?.evidence ?? []
    assert.equal((await gateway.entries()).find(({ seq }) => seq === evidence)?.kind, 'action.refused')
    assert.deepEqual(await rungs(gateway, 1), [{ cell: cell.id, to: 'quarantined' }])
    assert.equal(textOf(await call(other.url(), 'books__look')), 'done')
  })

  it('that is a credential stops the call that carries it, in an encoding or in half, and one in a frame that is none', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, { decoys: { credentials: { AWS_ACCESS_KEY_ID: KEY } } }))
    const carried: readonly JsonObject[] = [
      { text: `x${KEY}x` },
      { text: Buffer.from(`key=${KEY}`).toString('base64') },
      { a: KEY.slice(0, 13), b: KEY.slice(13) },
      { deep: [{ [KEY]: 1 }] },
      { text: `${'long '.repeat(2_000)}${KEY}` },
    ]
    for (const args of carried) {
      const cell = await gateway.admit()
      assert.match(await toldOf(call(cell.url(), 'books__note', args)), NOTHING_MORE)
      assert.match(await toldOf(call(cell.url(), 'books__look')), NOTHING_MORE)
    }
    const cell = await gateway.admit()
    await toldOf(post(cell.url(), `{"jsonrpc": "2.0", "x": "${KEY}`))
    assert.match(await toldOf(call(cell.url(), 'books__look')), NOTHING_MORE)
    assert.deepEqual(books.calls, [])
    assert.equal((await signals(gateway, 6)).length, 6)
    const kept = (await gateway.entries())
      .map((entry) => JSON.stringify(entry))
      .filter((text) => text.includes('"signal.raised"'))
    assert.ok(kept.every((text) => !text.includes(KEY)))
  })

  it('in observe is told, and stops nothing', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, { mode: 'observe', decoys: ['books/admin.escalate'] }))
    const cell = await gateway.admit()
    await call(cell.url(), 'books__admin.escalate')
    assert.equal(textOf(await call(cell.url(), 'books__note', { text: 'x' })), 'done')
    const [signal] = await signals(gateway)
    assert.equal(signal?.mode, 'observe')
    assert.deepEqual(await rungs(gateway), [])
  })
})

describe('reaching for one’s own authority', () => {
  it('does not arrive, and nothing after it', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, {}))
    const reaches: readonly JsonObject[] = [
      { path: gateway.ledgerDirectory },
      { path: `${dirname(gateway.configFile)}/firebreak.yaml` },
      { path: '%2Fetc%2Ffirebreak.yaml' },
      { path: 'x/../.FIREBREAK/ledger' },
    ]
    for (const args of reaches) {
      const cell = await gateway.admit()
      assert.match(await toldOf(call(cell.url(), 'books__look', args)), NOTHING_MORE, JSON.stringify(args))
      assert.match(await toldOf(call(cell.url(), 'books__look')), NOTHING_MORE)
    }
    const cell = await gateway.admit()
    await toldOf(call(cell.url(), 'firebreak__release', { cell: 'self' }))
    assert.match(await toldOf(call(cell.url(), 'books__look')), NOTHING_MORE)
    assert.deepEqual(books.calls, [])
  })

  it('its benign twin passes: a note that tells of such a file', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, {}))
    const cell = await gateway.admit()
    assert.equal(textOf(await call(cell.url(), 'books__note', { text: 'see firebreak.yaml' })), 'done')
    assert.equal(textOf(await call(cell.url(), 'books__look', { q: 'what is in firebreak.yaml' })), 'done')
    assert.deepEqual(await rungs(gateway), [])
  })
})

describe('a storm of one payment', () => {
  it('ends at the one that makes it a storm: it may read, and none arrives any more', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, { detectors: { duplicates: { payments: 4 } } }))
    const cell = await gateway.admit()
    const told = []
    for (let i = 0; i < 8; i++) told.push(errorOf(await call(cell.url(), 'books__pay', pay(0)))?.message ?? 'done')
    assert.deepEqual(told.slice(0, 3), ['done', 'done', 'done'])
    assert.ok(told.slice(3).every((said) => /not sent|refused/.test(said)))
    assert.equal(textOf(await call(cell.url(), 'books__look')), 'done')
    assert.equal(books.calls.filter(({ name }) => name === 'pay').length, 3)
    const [signal] = await signals(gateway)
    assert.equal(signal?.detector, 'duplicates')
    assert.equal(signal?.evidence.length, 4)
  })

  it('all at once: what is under way together is stopped together', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, { detectors: { duplicates: { alike: 6 } } }))
    const cell = await gateway.admit()
    await Promise.all(Array.from({ length: 40 }, (_, i) => call(cell.url(), 'books__pay', pay(i))))
    assert.ok(books.calls.length < 6, `${books.calls.length} arrived`)
  })

  it('its benign twin passes: payments to two accounts, and a worker that asks for the next piece', async () => {
    const books = await upstream()
    const gateway = await startGateway(plan(books.url, {}))
    const cell = await gateway.admit()
    for (let i = 0; i < 10; i++) await call(cell.url(), 'books__pay', pay(i, i % 2 === 0 ? 'PT50-1' : 'PT50-2'))
    for (let i = 0; i < 40; i++) await call(cell.url(), 'books__next')
    assert.equal(books.calls.length, 50)
    assert.deepEqual(await rungs(gateway), [])
  })
})

describe('what a rung means', () => {
  it('watched: of every read the intent is on disk before it arrives', async () => {
    const onDisk: boolean[] = []
    let gateway: TestGateway | undefined
    const books = await upstream(async () => {
      const entries = (await gateway?.entries()) ?? []
      const intents = entries.filter(({ kind }) => kind === 'action.intent').length
      onDisk.push(intents > onDisk.length)
      return textResult('done')
    })
    gateway = await startGateway(
      plan(books.url, { decoys: ['books/secret'], detectors: { decoy: { rung: 'watched' } } }),
    )
    const cell = await gateway.admit()
    await call(cell.url(), 'books__secret')
    for (let i = 0; i < 12; i++) assert.equal(textOf(await call(cell.url(), 'books__look', { i })), 'done')
    assert.deepEqual(onDisk, Array(12).fill(true))
    assert.deepEqual(await rungs(gateway, 1), [{ cell: cell.id, to: 'watched' }])
  })

  it('restricted: it reads, and the gateway tells it what it may do, and no more', async () => {
    const books = await upstream()
    const gateway = await startGateway(
      plan(books.url, { decoys: ['books/secret'], detectors: { decoy: { rung: 'restricted' } } }),
    )
    const cell = await gateway.admit()
    await call(cell.url(), 'books__secret')
    assert.equal(textOf(await call(cell.url(), 'books__look')), 'done')
    assert.match(errorOf(await call(cell.url(), 'books__note', { a: 1 }))?.message ?? '', /refused/)
    const list = await modern(cell.url(), 'tools/list', {})
    assert.match(list.text, /books__look/)
    assert.match(list.text, /firebreak__authority/)
    assert.doesNotMatch(list.text, /books__note|books__secret|firebreak__request/)
    assert.match(textOf(await call(cell.url(), 'firebreak__authority')), /"rung":"restricted"/)
    assert.match(
      textOf(await call(cell.url(), 'firebreak__request', { reference: 'x', why: 'y' })),
      /the cell is restricted/,
    )
  })
})

describe('a tree of delegations', () => {
  it('is moved as one: a delegate that touches a decoy takes who sent it along', async () => {
    const books = await upstream()
    const agents = { alpha: { delegates: ['beta'] }, beta: { command: ['true'] } }
    const gateway = await startGateway(plan(books.url, { decoys: ['books/secret'] }, { agents }))
    const alpha = await gateway.admit('alpha')
    await call(alpha.url(), 'firebreak__delegate', { agent: 'beta', assignment: 'look' })
    const beta = await gateway.admit('beta', { parent: alpha })
    assert.equal(textOf(await call(beta.url(), 'books__look')), 'done')
    await toldOf(call(beta.url(), 'books__secret'))
    assert.match(await toldOf(call(alpha.url(), 'books__look')), NOTHING_MORE)
    const moved = await rungs(gateway, 1)
    assert.ok(moved.some(({ cell, to }) => cell === alpha.id && to === 'quarantined'))
    assert.equal(books.calls.length, 1)
  })
})

describe('another gateway', () => {
  it('goes on where the one before it ended: a slow storm is not forgotten', async () => {
    const books = await upstream()
    const containment = { detectors: { duplicates: { payments: 4 } } }
    const first = await startGatewayProcess(plan(books.url, containment))
    const cell = await first.admit()
    for (let i = 0; i < 3; i++) await call(cell.url(), 'books__pay', pay(0))
    process.kill(first.gatewayPid, 'SIGKILL')
    await first.lost
    await first.stop()
    const second = await startGateway(plan(books.url, containment), {
      stateDirectory: dirname(dirname(first.ledgerDirectory)),
    })
    const again = await second.admit()
    assert.match(errorOf(await call(again.url(), 'books__pay', pay(0)))?.message ?? '', /not sent/)
    assert.equal(books.calls.length, 3)
  })

  it('S9: what trips a detector after a person has asked for the release is not released with it', async () => {
    const { url } = await upstream()
    const gateway = await startGateway(plan(url, { detectors: { 'own-authority': { rung: 'restricted' } } }))
    const cell = await gateway.admit('alpha')
    assert.ok((await gateway.order([cell], 'restricted')).ok)
    const askedUs = monotonicUs()
    await call(cell.url('firebreak'), 'grant', { tool: 'everything' })
    await signals(gateway)
    assert.equal((await gateway.release('alpha', 'normal', askedUs)).ok, false)
    const heard = gateway.orders.filter(({ kind, number }) => kind === 'contain' && number === cell.number)
    assert.ok(heard.length > 0, 'the warden hears of a signal that found it as low already')
    assert.deepEqual(
      (await rungs(gateway, 1)).map(({ to }) => to),
      ['restricted'],
    )
    assert.ok((await gateway.release('alpha', 'normal')).ok, 'control: who asks now has seen it')
    assert.deepEqual(
      (await rungs(gateway, 2)).map(({ to }) => to),
      ['restricted', 'normal'],
    )
  })
})

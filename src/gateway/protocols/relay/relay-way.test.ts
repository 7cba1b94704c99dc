import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import {
  type ActionIntent,
  agentName,
  type Budget,
  type CatalogueTool,
  type CellId,
  type Entry,
  type EntryBody,
  environmentName,
  type Grant,
  grantId,
  type Label,
  LIMITS,
  ok,
  personName,
  type Seen,
  sha256,
  toolName,
  upstreamName,
} from '../../../model/index.ts'
import { BudgetBook, compilePolicies, Exposure, parsePolicies } from '../../../policy/index.ts'
import { blankCell } from '../../admission/admission.ts'
import { Arrivals } from '../../admission/arrivals.ts'
import { authorityFor, flowsOf } from '../../admission/authority.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import { PastSpending } from '../../admission/past.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import type { PassOptions } from '../../origins/passing.ts'
import { drawActionId } from '../../pipeline/action-ids.ts'
import { HoldBook } from '../../pipeline/holds.ts'
import type { Line, Passage } from '../../pipeline/line.ts'
import { connectionsOf } from './contract.ts'
import { placeIn } from './egress-place.ts'
import { RelayLine } from './line.ts'
import { RelayWay } from './relay-way.ts'
import type { Wanted, Went } from './way.ts'

const RELAY = upstreamName('relay')
const TEST = environmentName('test')
const ALPHA = agentName('alpha')
const SECRET = 'confidential:a' as Label // a label by its shape
const OTHER = 'confidential:b' as Label
const ORIGINS = ['https://api.example', 'http://plain.example']
const FETCH: CatalogueTool = {
  declared: { name: toolName('fetch'), effect: 'write', accepts: [SECRET], content: [[{ name: 'url' }]] },
  pinned: {
    name: toolName('fetch'),
    digest: sha256('a'.repeat(64)),
    definition: {},
    input: { type: 'object', properties: { url: { type: 'string' } }, required: ['url'] },
  },
}
const total = { kind: 'total' } as const

/** One gateway's pipeline over a ledger in memory, and a relay that asks for its connections. */
async function desk(options: { readonly budgets?: readonly Budget[]; readonly policies?: string } = {}) {
  const connections = connectionsOf(ORIGINS, [FETCH.declared])
  const tools = new Map([[FETCH.declared.name, FETCH], ...connections])
  const grant: Grant = {
    id: grantId('g_alpha-relay'),
    agent: ALPHA,
    upstream: RELAY,
    tools: new Set([FETCH.declared.name]),
    budgets: options.budgets ?? [],
    expiresAtMs: 2_000_000,
    grantedBy: personName('maria.silva@shop.example'),
    source: { file: 'firebreak.yaml', line: 1, column: 1 },
  }
  const catalogue = { upstreams: new Map([[RELAY, { name: RELAY, environment: TEST, tools }]]) }
  const sources = options.policies === undefined ? [] : [{ file: 'p.cedar', text: options.policies }]
  const bundle = await parsePolicies(sources, [{ grant, when: WHEN }], catalogue)
  if (!bundle.ok) throw new Error(JSON.stringify(bundle.reason))
  const entries: Entry[] = []
  const disk: { holds?: Promise<void> } = {}
  let nowMs = 1_000_000
  const budgets = new BudgetBook()
  const ledger = {
    durableSize: Number.MAX_SAFE_INTEGER,
    effectsAllowed: () => true,
    readMayGo: () => true,
    append: (body: EntryBody) => {
      const seq = entries.length
      entries.push({ v: 1, seq, atMs: nowMs, ...body })
      return ok({ seq, bytes: 300 })
    },
    durable: async () => {
      await disk.holds
      return ok(undefined)
    },
    payloads: {
      put: (_: CellId, bytes: Uint8Array) => ok({ commitment: sha256('b'.repeat(64)), bytes: bytes.length }),
    },
  }
  const notice = {
    in: (_: unknown, { place }: { readonly place?: unknown }) =>
      String(place).includes('vault') ? { noticed: [{ kind: 'decoy', name: 'the host vault' }] } : {},
  }
  const gate = {
    environment: TEST,
    hardened: false,
    environments: new Map(),
    ledger,
    notice,
    secrets: { leakIn: () => undefined, leak: () => undefined },
    holds: new HoldBook(),
    nowMs: () => nowMs,
    newActionId: () => drawActionId(nowMs),
  } as unknown as EnvironmentContext // of a gate, a connection uses no more
  const rules = {
    environment: TEST,
    policies: compilePolicies(bundle.value),
    budgets,
    flows: flowsOf([{ name: RELAY, tools: [[FETCH.declared.name, FETCH]], connections }]),
  }
  const cells: ServedCell[] = []
  let number = 0
  const cell = (labels: readonly Label[] = []): ServedCell & { readonly mcp: Line } => {
    const id = `c_${number++}` as CellId // an id by its shape
    const seen = new Map(labels.map((label): [Label, Seen] => [label, { tool: 'x', path: '$', labels: [label] }]))
    const mcp = { name: RELAY, underWay: new Map() } as unknown as Line // of a line, whose calls are asked for
    const authority = authorityFor(rules, {
      agent: ALPHA,
      owner: personName('maria.silva@shop.example'),
      grants: [grant],
      exposure: new Exposure(seen),
    })
    const made = { ...blankCell(nowMs), id, number, authority, upstreams: new Map([[RELAY, mcp]]), rung: 'normal' }
    const served = { ...made, labelled: new Set(labels), mcp } as ServedCell & { readonly mcp: Line } // its rung is one
    cells.push(served)
    return served
  }
  const line = new RelayLine({ name: RELAY, environment: TEST, connections })
  const arrivals = new Arrivals()
  const way = new RelayWay({ gate, line, users: () => cells, arrivals })
  const refusedOf = (want: Went) => (want.kind === 'refused' ? want.reference : undefined)
  const reasonOf = (want: Went) => {
    const entry = entries.find((each) => 'action' in each && each.action === refusedOf(want))
    return entry !== undefined && 'reasons' in entry ? (entry.reasons as readonly { readonly kind: string }[]) : []
  }
  const intents = () => entries.filter((each) => each.kind === 'action.intent') as (Entry & ActionIntent)[]
  const outcomes = () => entries.filter((each) => each.kind === 'action.outcome')
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { way, cell, cells, entries, intents, outcomes, reasonOf, budgets, grant, disk, pass, arrivals }
}

const WHEN = { text: 'context.args.url like "https://*"', source: { file: 'firebreak.yaml', line: 2, column: 1 } }

/** A connection that stands until it is ended, and what it was let through with. */
function connection(origin = 'https://api.example', about: Partial<Wanted> = {}) {
  const { promise, resolve } = Promise.withResolvers<Passage>()
  const stands: { options?: PassOptions } = {}
  const wanted: Wanted = {
    operation: origin.startsWith('https') ? 'tls.connect' : 'http.connect',
    place: placeIn(origin),
    asked: origin,
    ...(origin.startsWith('https') ? {} : { method: 'GET' }),
    resolve: async () => ok('9.9.9.9'),
    head: () => new Uint8Array(20),
    pass: (_, options) => {
      stands.options = options
      options.signal.addEventListener('abort', () => resolve(ended(1, 'its cell is gone')))
      return promise
    },
    ...about,
  }
  return { wanted, stands, end: (bytes: number, why?: string) => resolve(ended(bytes, why)) }
}

function ended(bytes: number, why?: string): Passage {
  const passed = { sent: bytes, received: 0 }
  return { kind: 'passed', passed, counted: { bytes }, ...(why !== undefined && { why }) }
}

const lastCheckOf = ({ options }: { readonly options?: PassOptions }) => options?.lastCheck()

const settle = async () => {
  for (let i = 0; i < 8; i++) await turn()
}

describe('a connection of a relay', () => {
  it('S4: is an action: its intent is on disk before it is made, its outcome says what passed', async () => {
    const { way, cell, intents, outcomes, disk } = await desk()
    cell()
    const { promise, resolve } = Promise.withResolvers<void>()
    disk.holds = promise
    const { wanted, stands, end } = connection()
    const went = way.go(wanted)
    await settle()
    assert.equal('options' in stands, false, 'the disk has not got it yet')
    resolve()
    await settle()
    assert.equal(lastCheckOf(stands), undefined)
    const [intent] = intents()
    assert.deepEqual(
      [intent?.operation, intent?.tool, intent?.protocol, intent?.effect, intent?.args, intent?.charge],
      ['tls.connect', 'api.example:443', 'relay', 'write', { place: 'api.example:443' }, { connections: 1 }],
    )
    end(7)
    assert.deepEqual(await went, { kind: 'went' })
    const [outcome] = outcomes()
    assert.ok(outcome?.kind === 'action.outcome')
    assert.deepEqual([outcome.outcome, outcome.passed], ['done', { sent: 7, received: 0 }])
  })

  it('S7: takes from budgets of connections, and never a call', async () => {
    const { way, cell, reasonOf, budgets, grant } = await desk({
      budgets: [
        { kind: 'calls', max: 5, window: total },
        { kind: 'connections', max: 2, window: total },
      ],
    })
    cell()
    for (let i = 0; i < 2; i++) {
      const { wanted, end } = connection()
      end(1)
      assert.deepEqual(await way.go(wanted), { kind: 'went' })
    }
    const [reason] = reasonOf(await way.go(connection().wanted)) as readonly { kind: string; asked?: string }[]
    assert.deepEqual([reason?.kind, reason?.asked], ['budget', '1 connection'])
    assert.deepEqual(budgets.left(grant, 0), ['5 calls', '0 connections'])
  })

  it('S7: is refused where no call is left, but for one that is under way', async () => {
    const { way, cell, reasonOf, budgets, grant, intents } = await desk({
      budgets: [{ kind: 'calls', max: 1, window: total }],
    })
    const own = cell()
    assert.ok(budgets.reserve([grant], {}, 0).ok)
    assert.deepEqual(
      reasonOf(await way.go(connection().wanted)).map(({ kind }) => kind),
      ['budget'],
    )
    const call = drawActionId(5)
    own.mcp.underWay.set(call, own.id)
    const { wanted, stands } = connection()
    void way.go(wanted)
    await settle()
    assert.equal(intents().at(-1)?.during, call)
    assert.equal(stands.options?.lastCheck(), undefined)
    own.mcp.underWay.delete(call)
    assert.match(stands.options?.lastCheck() ?? '', /over the budget/)
  })

  it('S7: ten at once overspend no budget of bytes, also where the gateway dies with them under way', async () => {
    const max = 2.5 * LIMITS.connectionBytesMax
    const { way, cell, entries, grant, intents, budgets } = await desk({
      budgets: [{ kind: 'bytes', max, window: total }],
    })
    cell()
    const ten = Array.from({ length: 10 }, () => connection())
    const going = ten.map(({ wanted }) => way.go(wanted))
    await settle()
    const reserved = intents().map(({ charge }) => charge?.bytes ?? 0)
    assert.deepEqual(reserved, [LIMITS.connectionBytesMax, LIMITS.connectionBytesMax, LIMITS.connectionBytesMax / 2])
    for (const [i, { stands }] of ten.slice(0, 3).entries()) assert.equal(stands.options?.bytesMax, reserved[i])
    const replayed = () => {
      const book = new BudgetBook()
      const past = new PastSpending(book, new Map([[grant.id, grant]]))
      for (const entry of entries) past.take(entry)
      return book.left(grant, 0)
    }
    assert.deepEqual(replayed(), ['0 bytes'], 'what was reserved is counted by whoever comes after')
    ten[0]?.end(1_000)
    await going[0]
    assert.deepEqual(
      [replayed(), budgets.left(grant, 0)],
      Array(2).fill([`${LIMITS.connectionBytesMax - 1_000} bytes`]),
    )
  })

  it('S8: that stands is cut in the tick in which its cell may act no more, whatever ends that', async () => {
    const { way, cell, pass, cells } = await desk()
    const ends: readonly (readonly [RegExp, (of: ServedCell) => void])[] = [
      [/restricted/, (of) => Object.assign(of, { rung: 'restricted' })],
      [/quarantined/, (of) => Object.assign(of, { rung: 'quarantined' })],
      [/accept/, (of) => of.authority.exposure.addLabels(new Exposure(new Map([[OTHER, SEEN]])))],
      [/gone/, (of) => of.gone.abort()],
      [/grant has ended/, () => pass(1_000_001)],
    ]
    for (const [told, end] of ends) {
      cells.length = 0
      const own = cell()
      const { wanted, stands } = connection()
      void way.go(wanted)
      await settle()
      assert.equal(stands.options?.lastCheck(), undefined)
      end(own)
      assert.match(stands.options?.lastCheck() ?? '', told)
    }
  })

  it('F1: of a cell that has seen what no tool of the relay accepts is refused, but for a call under way', async () => {
    const { way, cell, cells, entries } = await desk()
    for (const [labels, isRefused] of [
      [['untrusted' as Label, SECRET], false],
      [[OTHER], true],
      [[SECRET, OTHER], true],
    ] as const) {
      cells.length = 0
      const own = cell(labels)
      const { wanted, end } = connection()
      end(1)
      const went = await way.go(wanted)
      assert.equal(went.kind === 'refused', isRefused, String(labels))
      if (!isRefused) continue
      assert.equal(entries.at(-1)?.kind, 'action.refused')
      own.mcp.underWay.set(drawActionId(9), own.id)
      const again = connection()
      again.end(1)
      assert.deepEqual(await way.go(again.wanted), { kind: 'went' })
    }
  })

  it('a person can forbid one by its name, and a grant’s condition is not asked of it', async () => {
    const { way, cell, reasonOf } = await desk({
      policies: '@id("no-api") forbid(principal, action == Action::"relay/tls.connect:api.example:443", resource);',
    })
    cell()
    assert.deepEqual(
      reasonOf(await way.go(connection().wanted)).map(({ kind }) => kind),
      ['forbid'],
    )
    const plain = connection('http://plain.example')
    plain.end(1)
    assert.deepEqual(await way.go(plain.wanted), { kind: 'went' })
  })

  it('of a shared relay is the word of whoever may act: first of those that call, then of the others', async () => {
    const { way, cell, intents, entries } = await desk()
    const [fenced, free, calling] = [cell(), cell(), cell()]
    fenced.rung = 'restricted'
    const once = async () => {
      const { wanted, end } = connection()
      end(1)
      return way.go(wanted)
    }
    await once()
    assert.equal(intents().at(-1)?.cell, free.id)
    calling.mcp.underWay.set(drawActionId(1), calling.id)
    await once()
    assert.equal(intents().at(-1)?.cell, calling.id)
    calling.rung = 'quarantined'
    await once()
    assert.equal(intents().at(-1)?.cell, free.id, 'one with a call under way that may act no more lets nothing out')
    free.rung = 'frozen'
    const refused = await once()
    const last = entries.at(-1)
    assert.ok(last?.kind === 'action.refused' && refused.kind === 'refused')
    assert.deepEqual([last.cell, refused.reference], [calling.id, last.action])
  })

  it('to a place that nobody declared is refused with a reference, and a decoy waits for no flood', async () => {
    const { way, cell, entries, reasonOf } = await desk()
    const own = cell()
    const { place: _, ...nowhere } = connection('http://elsewhere.example').wanted
    const went = await way.go({ ...nowhere, asked: 'http://elsewhere.example/x' })
    assert.deepEqual(
      reasonOf(went).map(({ kind }) => kind),
      ['egress'],
    )
    const flood = Array.from({ length: LIMITS.refusalsBurst + 10 }, (__, i) =>
      way.go({ ...nowhere, asked: `http://nobody-${i}.example/` }),
    )
    await settle()
    const before = entries.length
    assert.ok(before < flood.length, 'some wait until they are told')
    await way.go({ ...nowhere, asked: 'http://vault/' })
    const last = entries.at(-1)
    assert.ok(last?.kind === 'action.refused')
    assert.deepEqual(last.noticed, [{ kind: 'decoy', name: 'the host vault' }])
    own.gone.abort()
    await Promise.all(flood)
  })

  it('to a place with a long beginning is told by its host', async () => {
    const { way, cell, entries } = await desk()
    cell()
    const { place: _, ...nowhere } = connection('http://elsewhere.example').wanted
    const long = `http://${'u'.repeat(400)}@`
    for (const host of ['one.example', 'two.example']) await way.go({ ...nowhere, asked: `${long}${host}/x` })
    assert.deepEqual(
      entries.map((entry) => entry.kind === 'action.refused' && [entry.tool, entry.args]),
      ['one.example/…', 'two.example/…'].map((shown) => [shown, { place: shown, method: 'GET' }]),
    )
  })

  it('S17: who asks for more places than may be told in a second waits, and each is told in the end', async () => {
    const { way, cell, entries, pass } = await desk()
    const own = cell()
    const { place: _, ...nowhere } = connection('http://elsewhere.example').wanted
    let answered = 0
    const asked = Array.from({ length: LIMITS.refusalsBurst + 30 }, (__, i) =>
      way.go({ ...nowhere, asked: `http://nobody-${i}.example/` }).then(() => answered++),
    )
    await settle()
    assert.deepEqual([entries.length, answered], [LIMITS.refusalsBurst, LIMITS.refusalsBurst])
    pass(1_000)
    own.gone.abort()
    await Promise.all(asked)
    const tools = entries.map((entry) => (entry.kind === 'action.refused' ? `${entry.tool}` : ''))
    assert.equal(new Set(tools).size, LIMITS.refusalsBurst + 30)
  })

  it('SH2: a flood of them makes its own cell wait, and no other', async () => {
    const { way, cell, cells, intents, pass } = await desk()
    const own = cell()
    own.share.wrote(0, 10 * LIMITS.cellLedgerBytesBurst)
    void way.go(connection().wanted)
    await settle()
    assert.equal(intents().length, 0)
    cells.length = 0
    const beside = cell()
    void way.go(connection().wanted)
    await settle()
    assert.deepEqual(
      intents().map((intent) => intent.cell),
      [beside.id],
    )
    pass(1_000_000)
  })

  it('in nobody’s name is told of the relay, and goes nowhere', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { way, entries, arrivals } = await desk()
    const going = way.go(connection().wanted)
    await settle()
    assert.equal(entries.length, 0, 'it waits for the cell that it serves')
    t.mock.method(performance, 'now', () => Number.MAX_SAFE_INTEGER)
    arrivals.came()
    assert.deepEqual(await going, { kind: 'refused' })
    assert.deepEqual(
      entries.map((entry) => entry.kind === 'egress.tried' && [entry.place, entry.problem]),
      [['api.example:443', 'no cell that it serves is here']],
    )
  })
})

const SEEN: Seen = { tool: 'x', path: '$', labels: [OTHER] }

describe('what a connection asks of its cell', () => {
  it('S5: a delegation of one tool of a relay brings its connections, and one of another upstream none', async () => {
    const { namesAction } = await import('../../../policy/decide/named-action.ts')
    const { Entity } = await import('../../../policy/cedar/value.ts')
    const entity = new Entity('Action', 'relay/tls.connect:api.example:443')
    const known = { entity, upstream: RELAY, isConnection: true }
    assert.equal(namesAction(new Set(['relay/fetch']), known), true)
    assert.equal(namesAction(new Set(['other/fetch']), known), false)
    assert.equal(namesAction(new Set(['relay/fetch']), { ...known, isConnection: false }), false)
  })
})

/**
 * A storm of refunds through a real gateway to a service that loses answers, and its undo, whose gateway is killed again
 * and again. What the table says is then held against the service's book.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../../src/config/load.ts'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { connectHttpUpstream } from '../../src/gateway/protocols/mcp/server/http-upstream.ts'
import { listAll } from '../../src/gateway/protocols/mcp/server/list-all.ts'
import { declaredFor, storyOf } from '../../src/host/people/undo.ts'
import { carryOut } from '../../src/host/people/undo-order.ts'
import { type Accepted, writeAllAccepted } from '../../src/host/prepare/accepted.ts'
import { gatewaySetup, type Judged, judgeConfig } from '../../src/host/prepare/setup.ts'
import { type Services, startServices } from '../../src/host/services/services.ts'
import { openState, type State } from '../../src/host/state/state.ts'
import {
  agentName,
  environmentName,
  isJsonObject,
  LIMITS,
  newCellId,
  personName,
  toolName,
  upstreamName,
} from '../../src/model/index.ts'
import { type Plan, planOf, todo } from '../../src/recovery/plan.ts'
import { listener } from '../../test/kit/listener.ts'
import { call } from '../../test/kit/wire.ts'

const WIDTH = 8
/** One refund in ten is of a tool without a check: what its service loses stays unknown. */
const UNCHECKED_EVERY = 10
const CRASHES = 6
const ORDERS_MAX = 24

export interface Storm {
  readonly effects: number
  /** Of which the table says what the service's book says; where it says unknown, both are possible. */
  readonly accountedFor: number
  readonly undone: number
  readonly undoable: number
  readonly irreversible: number
  readonly unknown: number
  readonly failed: number
  readonly crashes: number
  /** Refunds that were cancelled more than once. */
  readonly cancelledTwice: number
  readonly undoMs: number
}

export async function storm(refunds: number, say: (progress: string) => void): Promise<Storm> {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const file = join(directory, 'book.sqlite')
  const seed = 1 + Math.floor(Math.random() * 2 ** 31)
  say(`seed ${seed}`)
  const server = spawn(
    process.execPath,
    [join(import.meta.dirname, 'book-server.ts'), '--book', file, '--seed', `${seed}`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  try {
    const [chunk] = await once(server.stdout, 'data')
    const desk = await openDesk(directory, `http://127.0.0.1:${String(chunk).trim()}/mcp`)
    say(`${refunds} refunds`)
    // What never left, since its neighbour's connection broke, is no refund: it is asked for anew.
    for (let paid = 0, from = 0; paid < refunds; paid = (await tableOf(desk)).effects.length) {
      await pay(desk, from, refunds - paid)
      from += refunds
    }
    say('undo, with crashes')
    const beganMs = performance.now()
    const crashes = await undoAll(desk, file, say)
    const undoMs = Math.round(performance.now() - beganMs)
    return { ...held(await tableOf(desk), file), crashes, undoMs }
  } finally {
    await gone(server)
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Desk {
  readonly judged: Judged
  readonly state: State
}

async function openDesk(directory: string, url: string): Promise<Desk> {
  const undo = (check: boolean) => ({
    effect: 'write',
    content: ['$'],
    accepts: ['untrusted'],
    undo: { tool: 'refunds.cancel', args: { id: '$result.id' } },
    ...(check && {
      undo: { tool: 'refunds.cancel', args: { request: '$args.request' } },
      check: { tool: 'refunds.find', args: { request: '$args.request' }, undone: { '$.stands': false } },
    }),
  })
  const config = {
    environments: {
      test: {
        undo: {
          owner: 'maria.silva@shop.example',
          grants: [{ upstream: 'bank', tools: ['refunds.cancel', 'refunds.find'], expires: '8h' }],
        },
      },
    },
    upstreams: {
      bank: {
        environment: 'test',
        mcp: { url },
        tools: {
          'refunds.create': undo(true),
          'refunds.express': undo(false),
          'refunds.cancel': { effect: 'write' },
          'refunds.find': { effect: 'read', returns: { $: [] } },
        },
      },
    },
    agents: {
      desk: {
        owner: 'maria.silva@shop.example',
        environment: 'test',
        grants: [{ upstream: 'bank', tools: ['refunds.create', 'refunds.express'], expires: '8h' }],
      },
    },
  }
  const path = join(directory, 'firebreak.yaml')
  writeFileSync(path, JSON.stringify(config))
  const loaded = await loadConfig(path, { node: process.execPath })
  if (!loaded.ok) throw new Error(loaded.reason.map(({ message }) => message).join('; '))
  const name = upstreamName('bank')
  const connection = await connectHttpUpstream({ name, url: new URL(url), headers: new Map(), elsewhere: [] })
  if (!connection.ok) throw new Error(connection.reason.why)
  const { items: offered } = await listAll(connection.value, 'tools/list', 'tools')
  connection.value.close()
  const accepted = offered.map((definition): readonly [Accepted['name'], Accepted] => {
    const tool = toolName(String(definition.name))
    const by = personName('maria.silva@shop.example')
    return [tool, { name: tool, definition, digest: definitionDigest(definition), acceptedBy: by, acceptedAtMs: 0 }]
  })
  writeAllAccepted(loaded.value, new Map([[name, new Map(accepted)]]))
  const judged = await judgeConfig(loaded.value)
  if (!judged.ok) throw new Error(judged.reason.map(({ message }) => message).join('; '))
  const state = openState(join(directory, 'state'), process.getuid?.() === 0, Math.random)
  return { judged: judged.value, state }
}

async function serve({ judged, state }: Desk): Promise<Services> {
  const setup = gatewaySetup(judged, environmentName('test'))
  const services = await startServices(state, setup)
  if (!services.ok) throw new Error(services.reason)
  return services.value
}

async function pay(desk: Desk, from: number, count: number): Promise<void> {
  const services = await serve(desk)
  const { port, fd } = listener()
  const cell = { kind: 'cell', number: 1, cell: newCellId(randomBytes(16)), agent: agentName('desk') } as const
  const told = services.tell({ ...cell, receipt: {}, labels: [] }, [fd])
  const ready = told.ok ? await services.said('cell-ready', 1) : told
  if (!ready.ok) throw new Error(ready.reason)
  let next = from
  const one = async () => {
    for (let i = next++; i < from + count; i = next++) {
      const tool = i % UNCHECKED_EVERY === 0 ? 'refunds.express' : 'refunds.create'
      await call(`http://127.0.0.1:${port}/mcp/bank`, tool, { request: `r${i}`, amount: 10 })
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, one))
  await services.stop('the storm is over')
}

/** Orders it until an order was carried out to its end and left nothing to do; the first ones are killed on their way. */
async function undoAll(desk: Desk, file: string, say: (progress: string) => void): Promise<number> {
  const book = new DatabaseSync(file, { readOnly: true })
  const cancelled = () => Number(book.prepare('SELECT count(*) AS n FROM cancels').get()?.n)
  let crashes = 0
  for (let orders = 0; orders < ORDERS_MAX; orders++) {
    const effects = todo(await tableOf(desk))
    if (effects.length === 0) break
    const services = await serve(desk)
    const about = { environment: environmentName('test'), by: personName('maria.silva@shop.example'), why: 'a storm' }
    const order = {
      cell: newCellId(randomBytes(16)),
      ...about,
      what: null,
      effects: effects.slice(0, LIMITS.undoEffectsMax),
    }
    const done = carryOut(services, 1, order)
    if (crashes < CRASHES) {
      for (const until = cancelled() + 1 + Math.floor(Math.random() * 150); cancelled() < until; ) await delay(1)
      process.kill(services.gatewayPid, 'SIGKILL')
      crashes++
    }
    const ended = await done
    await services.stop('this order has ended')
    say(`order ${orders + 1}: ${effects.length} effects, ${ended.ok ? 'carried out' : 'killed'}`)
    if (ended.ok && todo(await tableOf(desk)).length === effects.length) break
  }
  book.close()
  return crashes
}

async function tableOf({ judged, state }: Desk): Promise<Plan> {
  const story = await storyOf(state.logs.log('test'))
  if (!story.ok) throw new Error(story.reason)
  const plan = planOf(story.value, {}, declaredFor(judged.config))
  if (!plan.ok) throw new Error(plan.reason)
  return plan.value
}

/** The table against the book, which wrote nothing of ours. */
function held({ effects, totals }: Plan, file: string): Omit<Storm, 'crashes' | 'undoMs'> {
  const book = new DatabaseSync(file)
  const rows = new Map(
    book
      .prepare('SELECT request, state FROM refunds')
      .all()
      .map((row) => [String(row.request), String(row.state)]),
  )
  const twice = book.prepare('SELECT id FROM cancels GROUP BY id HAVING count(*) > 1').all()
  book.close()
  const listed = new Set<string>()
  let accountedFor = 0
  for (const { effect, standing } of effects) {
    const request = isJsonObject(effect.args) ? String(effect.args.request) : ''
    listed.add(request)
    const stands = rows.get(request) === 'paid'
    const agrees =
      standing.kind === 'undone' ? !stands : standing.kind === 'unknown' || standing.kind === 'failed' ? true : stands
    if (agrees) accountedFor++
  }
  // A refund that the book has and the table has not would be lost, quietly.
  const lost = [...rows.keys()].filter((request) => !listed.has(request)).length
  return { ...totals, accountedFor: accountedFor - lost, cancelledTwice: twice.length }
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

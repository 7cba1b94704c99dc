/**
 * The stop, timed where the kernel or the enforcing process confirms it: freezing, killing and tearing down real cells,
 * cutting streams at a real gateway, and one order to 200 cells of one warden through its control socket. And counted:
 * what a cell whose call trips a detector still gets done, by the gateway's ledger and by the upstream's own book.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import type { LinuxCell } from '../src/cells/linux/launch/cell.ts'
import { type LinuxWarden, openWarden } from '../src/cells/linux/launch/warden.ts'
import type { CellSpec } from '../src/cells/spec.ts'
import { loadConfig } from '../src/config/load.ts'
import { definitionDigest } from '../src/gateway/protocols/mcp/contract/definition.ts'
import { Host } from '../src/host/host.ts'
import { writeAccepted } from '../src/host/prepare/accepted.ts'
import { gatewaySetup, type Judged, judgeConfig } from '../src/host/prepare/setup.ts'
import { type Services, startServices } from '../src/host/services/services.ts'
import { openState } from '../src/host/state/state.ts'
import { readStopMark } from '../src/host/stop/fence.ts'
import { readEntries } from '../src/ledger/log/read.ts'
import { agentName, newCellId, personName, toolName, upstreamName } from '../src/model/index.ts'
import { listener } from '../test/kit/listener.ts'
import { hardStops, orderAll } from './contain/hard.ts'
import { answerTo, TOOLS } from './gateway/answers.ts'
import { Caller } from './gateway/load.ts'
import type { Bench } from './main.ts'

const CELLS = 200
const PROCESSES = 100

export const bench: Bench = async ({ seconds, say }) => {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const begun = performance.now()
  try {
    say(`${CELLS} cells, and one order for all`)
    const all200 = await containAll(directory)
    const left = () => Math.max(2_000, seconds * 1_000 - 5_000 - (performance.now() - begun))
    say('violations at a gateway')
    const violations = await violationsAtGate(directory, left() * 0.25, say)
    say('orders at a gateway')
    const orders = await ordersAtGate(directory, Math.min(left() * 0.2, 30_000))
    say('stops where they are hard')
    const hard = await hardStops(directory, (place) => judgedFor(place, new URL('http://127.0.0.1:9')), left() * 0.3)
    const { times, ...counts } = hard
    const each = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, spread(all)]))
    say('freeze, kill, tear down')
    const cells = await halting(Math.min(left(), 60_000))
    return { bench: 'contain', ...violations, ...orders, ...cells, hardMs: { ...each, ...counts }, all200 }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Spread {
  readonly p50: number
  readonly p95: number
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  // The nearest rank: of few values it is the largest.
  const at = (share: number) => Number((sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN).toFixed(3))
  return { p50: at(0.5), p95: at(0.95) }
}

async function timed(act: () => Promise<{ readonly ok: boolean }>): Promise<number> {
  const begun = performance.now()
  const done = await act()
  if (!done.ok) throw new Error(`it was not confirmed: ${JSON.stringify(done)}`)
  return performance.now() - begun
}

const IDLE = `for i in $(seq ${PROCESSES}); do sleep 1000 & done; wait`
const SPINNING = `for i in $(seq ${PROCESSES}); do (while :; do :; done) & done; wait`
const HOSTILE = 'b() { b | b & }; while :; do b 2>/dev/null; done'

/** Rounds of four cells each, until the time is over; at least three. */
async function halting(ms: number) {
  const opened = await openWarden()
  if (!opened.ok) throw new Error(`no warden here: ${JSON.stringify(opened.reason)}`)
  const warden = opened.value
  const times = { freezeIdle: [], freezeSpinning: [], killIdle: [], killHostile: [], teardown: [] } as Record<
    'freezeIdle' | 'freezeSpinning' | 'killIdle' | 'killHostile' | 'teardown',
    number[]
  >
  const until = performance.now() + ms
  for (let round = 0; round < 3 || performance.now() < until; round++) {
    const torn = async (cell: LinuxCell) =>
      times.teardown.push(await timed(async () => ({ ok: (await cell.teardown()).gone })))
    const idle = await crowd(warden, IDLE, 1, PROCESSES)
    times.freezeIdle.push(await timed(() => idle.freeze()))
    await idle.kill()
    await torn(idle)
    const spinning = await crowd(warden, SPINNING, 0.5, PROCESSES)
    times.freezeSpinning.push(await timed(() => spinning.freeze()))
    await spinning.kill()
    await torn(spinning)
    const resting = await crowd(warden, IDLE, 1, PROCESSES)
    times.killIdle.push(await timed(() => resting.kill()))
    await torn(resting)
    const hostile = await crowd(warden, HOSTILE, 1, PROCESSES)
    times.killHostile.push(await timed(() => hostile.kill()))
    await torn(hostile)
  }
  await warden.close()
  return {
    freezeMs: { idle: spread(times.freezeIdle), spinning: spread(times.freezeSpinning) },
    killMs: { idle: spread(times.killIdle), hostile: spread(times.killHostile) },
    teardownMs: spread(times.teardown),
    rounds: times.freezeIdle.length,
  }
}

/** A cell in which so many processes live. */
async function crowd(warden: LinuxWarden, script: string, cpu: number, processes: number): Promise<LinuxCell> {
  const spec: CellSpec = {
    id: newCellId(randomBytes(16)),
    command: ['bash', '-c', script],
    variables: { PATH: '/usr/bin:/bin' },
    root: { kind: 'host-usr' },
    files: [],
    limits: { memoryBytes: 256 * 1024 * 1024, cpu, pids: processes + 20 },
    ports: [],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
  }
  const launched = await warden.launch(spec)
  if (!launched.ok) throw new Error(JSON.stringify(launched.reason))
  const cell = launched.value
  cell.start()
  for (let tries = 0; cell.pids().length < processes * 0.9 && tries < 400; tries++) await delay(25)
  return cell
}

/**
 * Orders at a real gateway, each to a cell that is calling with eight requests at a time and listens to a stream: how
 * long until the stream's end is read, and how many of its calls were admitted after the order. What had left before may
 * still land, and is no part of it.
 */
async function ordersAtGate(directory: string, ms: number) {
  const cut: number[] = []
  const { admitted } = await atGate(join(directory, 'gate'), OBSERVE, async (services) => {
    for (const until = performance.now() + ms; performance.now() < until; )
      cut.push(await orderOnce(services, cut.length * 2 + 1))
  })
  if (admitted.stopped !== cut.length) throw new Error(`${admitted.stopped} of ${cut.length} orders are in the ledger`)
  return { orders: admitted.stopped, laterAfterOrders: admitted.after, revokeToLastByteMs: spread(cut) }
}

/** What no honest call carries. */
const DECOY = 'AKIAQ7ZP4WNX2LHC8VTD'
const RUNS_MAX = 10_000

/**
 * Each run is a cell that calls with eight requests at a time, all of which are granted; then one of its calls, granted
 * too, carries a decoy's credential. Counted when all is over: attempts that were admitted after the signal, violating
 * calls that reached the upstream, and calls that reached it without an intent before the signal.
 */
async function violationsAtGate(directory: string, ms: number, say: (progress: string) => void) {
  let runs = 0
  const watching = `{ decoys: { credentials: { AWS_ACCESS_KEY_ID: ${DECOY} } } }`
  const { admitted, upstream } = await atGate(join(directory, 'violations'), watching, async (services) => {
    for (const until = performance.now() + ms; performance.now() < until && runs < RUNS_MAX; ) {
      await violateOnce(services, ++runs)
      if (runs % 1_000 === 0) say(`${runs} violations`)
    }
  })
  const unrecorded = Math.max(0, upstream.calls() - admitted.before)
  if (admitted.stopped !== runs) throw new Error(`${admitted.stopped} of ${runs} violations were signalled`)
  return { runs, laterActions: admitted.after + upstream.decoys() + unrecorded, admittedBefore: admitted.before }
}

/** A gateway and its upstream for as long as `act` takes, and what the ledger has of it then. */
async function atGate(place: string, containment: string, act: (services: Services) => Promise<void>) {
  mkdirSync(place)
  const upstream = await countingUpstream()
  const judged = await judgedFor(place, upstream.url, containment)
  const state = openState(join(place, 'state'), process.getuid?.() === 0, Math.random)
  const setup = gatewaySetup(judged, [...judged.config.environments.keys()][0] as never)
  const services = await startServices(state, setup)
  if (!services.ok) throw new Error(services.reason)
  await act(services.value)
  await services.value.stop('the bench has ended')
  upstream.server.close()
  return { upstream, admitted: await admittedIn(state.ledger(setup.environment)) }
}

async function violateOnce(services: Services, number: number): Promise<void> {
  const cell = await callingCell(services, number)
  while (cell.done() < 8) await delay(1)
  await cell.caller.call(DECOY).catch(() => undefined)
  await cell.end()
}

/** Before and after each cell's own signal or order. */
async function admittedIn(ledger: string) {
  const stopped = new Set<string>()
  let [before, after] = [0, 0]
  for await (const entry of readEntries(ledger)) {
    if (!entry.ok) throw new Error(JSON.stringify(entry.reason))
    const { value } = entry
    if ((value.kind === 'signal.raised' || value.kind === 'rung.changed') && value.cell) stopped.add(value.cell)
    if (value.kind !== 'action.intent') continue
    if (stopped.has(value.cell)) after++
    else before++
  }
  return { stopped: stopped.size, before, after }
}

async function orderOnce(services: Services, number: number): Promise<number> {
  const cell = await callingCell(services, number)
  const stream = await openStream(cell.port)
  await delay(5)
  const begun = performance.now()
  services.tell({
    kind: 'order',
    number: number + 1,
    cells: [number],
    rung: 'quarantined',
    by: personName('bench'),
    why: 'bench',
  })
  const ordered = services.said('ordered', number + 1)
  await stream.ended
  const cutMs = performance.now() - begun
  const confirmed = await ordered
  if (!confirmed.ok) throw new Error(confirmed.reason)
  await cell.end()
  return cutMs
}

/** A cell that calls with eight requests at a time until it is cut; `end` waits for that. */
async function callingCell(services: Services, number: number) {
  const { port, fd } = listener()
  const cell = newCellId(randomBytes(16))
  services.tell({ kind: 'cell', number, cell, agent: agentName('bot'), receipt: {}, labels: [] }, [fd])
  const served = await services.said('cell-ready', number)
  closeSync(fd) // as the warden does: else the kernel goes on listening when the gateway has closed the door
  if (!served.ok) throw new Error(served.reason)
  const caller = new Caller({ url: new URL(`http://127.0.0.1:${port}/mcp/notes`), tool: 'notes.write' })
  let done = 0
  const calling = Array.from({ length: 8 }, async () => {
    while (await caller.call().then(isDone, isCut)) done++
  })
  const end = async () => {
    await Promise.all(calling)
    services.tell({ kind: 'ended', number, receipt: {} })
    await services.said('cell-closed', number)
    await caller.close().catch(() => undefined)
  }
  return { port, caller, done: () => done, end }
}

const isDone = () => true
const isCut = () => false

/** A subscription of 2026-07-28, which stays open; resolves with its end, as its reader sees it. */
async function openStream(port: number): Promise<{ readonly ended: Promise<void> }> {
  const socket = connect(port, '127.0.0.1')
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const params = { notifications: { toolsListChanged: true }, _meta: meta }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params })
  const head = [
    'POST /mcp/notes HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    'MCP-Protocol-Version: 2026-07-28',
    'Mcp-Method: subscriptions/listen',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  const ended = new Promise<void>((resolve) => socket.on('error', () => undefined).on('close', () => resolve()))
  await new Promise((resolve) => socket.once('data', resolve))
  socket.resume()
  return { ended }
}

interface Counting {
  readonly server: Server
  readonly url: URL
  readonly calls: () => number
  /** Of them, those that carry the decoy. */
  readonly decoys: () => number
}

async function countingUpstream(): Promise<Counting> {
  let [calls, decoys] = [0, 0]
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const asked = JSON.parse(text || 'null')
      if (asked?.method === 'tools/call') calls++
      if (text.includes(DECOY)) decoys++
      const answer = asked && answerTo(asked)
      if (!answer) return void response.writeHead(405).end()
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on a port
  return { server, url: new URL(`http://127.0.0.1:${port}`), calls: () => calls, decoys: () => decoys }
}

/** A stop by a person is measured there, and not what detectors make of one call a thousand times. */
const OBSERVE = '{ mode: observe }'

/** 200 cells of one agent under one warden and one gateway; ordered as a person does it, through the control socket. */
async function containAll(directory: string) {
  const place = join(directory, 'all')
  mkdirSync(place)
  const judged = await judgedFor(place, new URL('http://127.0.0.1:9'))
  const agent = [...judged.config.agents.values()][0]
  if (agent === undefined) throw new Error('no agent')
  const stateDirectory = join(place, 'state')
  const host = new Host({ judged, stateDirectory })
  const environment = await host.environment(agent.environment)
  if (!environment.ok) throw new Error(environment.reason)
  const stopMark = readStopMark(stateDirectory)
  const ended: Promise<unknown>[] = []
  for (let i = 0; i < CELLS; i++) {
    const launched = await environment.value.launch({
      agent: agent.name,
      command: ['sleep', '1000'],
      stdio: { kind: 'pipes' },
      stopMark,
    })
    if (!launched.ok) throw new Error(launched.reason)
    launched.value.cell.start()
    ended.push(launched.value.ended)
  }
  const { ms, confirmed } = await orderAll(stateDirectory)
  await host.close('the bench has ended')
  await Promise.all(ended)
  const still = confirmed.filter((point) => point.startsWith('processes of '))
  return { ms: Math.round(ms), confirmed: still.length, cells: CELLS }
}

async function judgedFor(directory: string, upstream: URL, containment = OBSERVE): Promise<Judged> {
  const file = join(directory, 'firebreak.yaml')
  const tools =
    'tools: { notes.read: { effect: read }, notes.write: { effect: write, content: [$], accepts: [untrusted] } }'
  writeFileSync(
    file,
    [
      'environments: { test: {} }',
      `containment: ${containment}`,
      `upstreams: { notes: { environment: test, mcp: { url: "${upstream.origin}/mcp" }, ${tools} } }`,
      'agents: { bot: { owner: o@example.org, environment: test, cell: { memory: 64MiB, cpu: 0.5, pids: 16, wall: 10min }, grants: [{ upstream: notes, tools: [notes.read, notes.write], expires: 1h }] } }',
    ].join('\n'),
  )
  const accepted = TOOLS.map((definition) => {
    const name = toolName(definition.name)
    return [
      name,
      { name, definition, digest: definitionDigest(definition), acceptedBy: personName('bench'), acceptedAtMs: 0 },
    ] as const
  })
  writeAccepted(file, new Map([[upstreamName('notes'), new Map(accepted)]]))
  const config = await loadConfig(file, { node: process.execPath })
  const judged = config.ok ? await judgeConfig(config.value) : config
  if (!judged.ok) throw new Error(JSON.stringify(judged.reason.slice(0, 3)))
  return judged.value
}

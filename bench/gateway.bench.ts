/**
 * What one call costs between a cell and its upstream: CPU time of the process in between, and latency one at a time.
 * All of them are measured in turns within one run, on the same 400-byte call and 548-byte answer.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../src/config/load.ts'
import { definitionDigest } from '../src/gateway/protocols/mcp/contract/definition.ts'
import { type Accepted, writeAccepted } from '../src/host/prepare/accepted.ts'
import { gatewaySetup, judgeConfig } from '../src/host/prepare/setup.ts'
import { startServices } from '../src/host/services/services.ts'
import { openState } from '../src/host/state/state.ts'
import { agentName, cellId, type JsonObject, personName, toolName, upstreamName } from '../src/model/index.ts'
import { listener } from '../test/kit/listener.ts'
import { TOOLS } from './gateway/answers.ts'
import { Caller } from './gateway/load.ts'
import type { Bench, BenchOptions } from './main.ts'

const HERE = join(import.meta.dirname, 'gateway')
const PEERS = join(import.meta.dirname, 'peers')
const POLICIES = 1_000
/** Calls of one turn that are timed one at a time, and then at this width for CPU time. */
const WIDTH = 8
const WARM_MS = 2_500

interface Measured {
  readonly name: string
  readonly url: URL
  readonly tool: string
  /** The process whose CPU time counts: the one in between, for `direct` the upstream itself. */
  readonly pid: number
}

export const bench: Bench = async (options) => {
  const children: ChildProcess[] = []
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const cleanups: (() => Promise<void>)[] = []
  try {
    const upstream = await started(children, join(HERE, 'upstream.ts'), [])
    const bare = await started(children, join(HERE, 'bare-hop.ts'), [upstream.url.origin])
    const proxy = await peer(children, options)
    const firebreak = await gateway(directory, upstream.url, cleanups)
    const read = { url: firebreak.url, pid: firebreak.pid, tool: 'notes.read' }
    return await measure(options, [
      { name: 'direct', ...upstream, tool: 'notes.read' },
      { name: 'bareHop', ...bare, tool: 'notes.read' },
      { name: 'firebreakRead', ...read },
      { name: 'firebreakEffect', ...read, tool: 'notes.write' },
      ...(proxy === undefined ? [] : [{ name: 'mcpProxy', ...proxy, tool: 'notes.read' }]),
    ])
  } finally {
    for (const cleanup of cleanups) await cleanup()
    for (const child of children) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measure({ seconds, say }: BenchOptions, measured: readonly Measured[]) {
  const callers = measured.map((each) => ({
    each,
    caller: new Caller(each),
    cpu: [] as number[],
    p50: [] as number[],
    calls: 0,
  }))
  // Optimised code, in all of them alike: what a gateway runs after its first half minute.
  for (const { caller } of callers) await caller.run(WARM_MS, WIDTH)
  const turnMs = 400
  const turns = Math.max(
    3,
    Math.floor(((seconds - 5) * 1_000 - WARM_MS * callers.length) / (turnMs * 2 * callers.length)),
  )
  for (let turn = 1; turn <= turns; turn++) {
    say(`turn ${turn} of ${turns}`)
    for (const one of callers) {
      const single = await one.caller.run(turnMs, 1)
      one.p50.push(median(single.latenciesMs))
      const before = cpuUs(one.each.pid)
      const wide = await one.caller.run(turnMs, WIDTH)
      one.cpu.push((cpuUs(one.each.pid) - before) / wide.calls)
      one.calls += single.calls + wide.calls
    }
  }
  for (const { caller } of callers) await caller.close()
  const by = (figure: (one: (typeof callers)[number]) => number) =>
    Object.fromEntries(callers.map((one) => [one.each.name, Number(figure(one).toFixed(3))]))
  const cpuUsPerCall = by(({ cpu }) => median(cpu))
  const { bareHop = Number.NaN, firebreakRead = Number.NaN, firebreakEffect = Number.NaN, mcpProxy } = cpuUsPerCall
  return {
    bench: 'gateway',
    cpuUsPerCall,
    p50Ms: by(({ p50 }) => median(p50)),
    ratios: {
      readToBareHop: firebreakRead / bareHop,
      effectToBareHop: firebreakEffect / bareHop,
      ...(mcpProxy !== undefined && { readToMcpProxy: firebreakRead / mcpProxy }),
    },
    policies: POLICIES,
    samples: by(({ calls }) => calls),
    turns,
  }
}

/** A real gateway with its witness and ledger; its cell's listener is an ordinary one, since only the hop is measured. */
async function gateway(directory: string, upstream: URL, cleanups: (() => Promise<void>)[]) {
  const file = join(directory, 'firebreak.yaml')
  writeFileSync(file, configText(upstream))
  writeFileSync(join(directory, 'all.cedar'), policyText())
  const tools = new Map(TOOLS.map((definition) => [toolName(definition.name), accepted(definition)]))
  writeAccepted(file, new Map([[upstreamName('notes'), tools]]))
  const config = await loadConfig(file, { node: process.execPath })
  const judged = config.ok ? await judgeConfig(config.value) : config
  if (!judged.ok) throw new Error(JSON.stringify(judged.reason.slice(0, 3)))
  const [environment] = judged.value.config.environments.keys()
  if (environment === undefined) throw new Error('no environment')
  const state = openState(join(directory, 'state'), process.getuid?.() === 0, Math.random)
  const setup = gatewaySetup(judged.value, environment)
  const services = await startServices(state, setup)
  if (!services.ok) throw new Error(services.reason)
  cleanups.push(() => services.value.stop('the bench has ended'))
  const { port, fd } = listener()
  const cell = cellId('c_0000000000000000')
  services.value.tell({ kind: 'cell', number: 1, cell, agent: agentName('bot-0'), receipt: {}, labels: [] }, [fd])
  const served = await services.value.said('cell-ready', 1)
  if (!served.ok) throw new Error(served.reason)
  return { url: new URL(`http://127.0.0.1:${port}/mcp/notes`), pid: services.value.gatewayPid }
}

function configText(upstream: URL): string {
  const agents = Array.from(
    { length: 10 },
    (_, i) =>
      `  bot-${i}: { owner: o@example.org, environment: test, grants: [{ upstream: notes, tools: [notes.read, notes.write], when: 'context.args.id like "note-*"', expires: 1h }] }`,
  )
  const effects =
    'tools: { notes.read: { effect: read, returns: { "$.id": [] } }, notes.write: { effect: write, content: [$], accepts: [untrusted] } }'
  const others = Array.from(
    { length: 50 },
    (_, i) =>
      `  other-${i}: { environment: test, mcp: { url: "http://127.0.0.1:9/${i}" }, tools: { act: { effect: write } } }`,
  )
  return [
    'environments: { test: {} }',
    // They fold every entry, and what they would slow down is what is measured: one call, as often as it goes.
    'containment: { mode: observe }',
    'upstreams:',
    `  notes: { environment: test, mcp: { url: "${upstream.origin}/mcp" }, ${effects} }`,
    ...others,
    'agents:',
    ...agents,
    'policies: ["*.cedar"]',
  ].join('\n')
}

/** A thousand rules, spread over agents, upstreams and tools as a company's are. */
function policyText(): string {
  return Array.from({ length: POLICIES }, (_, i) => {
    const agent = `principal == Agent::"bot-${i % 10}"`
    if (i % 20 === 0)
      return `forbid (${agent}, action == Action::"notes/notes.${i % 40 === 0 ? 'read' : 'write'}", resource) when { context.args.id == "secret-${i}" };`
    return `forbid (${agent}, action, resource == Upstream::"other-${i % 50}") when { context.hour == ${i % 24} };`
  })
    .join('\n')
    .replaceAll('context.hour', 'context.time.hour')
}

function accepted(definition: JsonObject): Accepted {
  return {
    name: toolName(String(definition.name)),
    definition,
    digest: definitionDigest(definition),
    acceptedBy: personName('bench'),
    acceptedAtMs: 0,
  }
}

async function peer(children: ChildProcess[], { say }: BenchOptions) {
  if (!existsSync(join(PEERS, 'node_modules', 'mcp-proxy'))) {
    say('installing the peers')
    spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PEERS], {
      stdio: ['ignore', 2, 2],
    })
  }
  const main = join(PEERS, 'node_modules', 'mcp-proxy', 'dist', 'bin', 'mcp-proxy.mjs')
  if (!existsSync(main)) return undefined
  const port = 30_000 + Math.floor(Math.random() * 10_000)
  const options = ['--host', '127.0.0.1', '--port', `${port}`, '--server', 'stream', '--upstreamProtocol', 'modern']
  const child = spawn(process.execPath, [main, ...options, '--', process.execPath, join(HERE, 'stdio-server.ts')], {
    stdio: 'ignore',
  })
  children.push(child)
  const url = new URL(`http://127.0.0.1:${port}/mcp`)
  for (let tries = 0; tries < 100; tries++) {
    const up = await fetch(url).then(
      () => true,
      () => false,
    )
    if (up) return { url, pid: child.pid ?? 0 }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('mcp-proxy did not start')
}

async function started(children: ChildProcess[], script: string, args: readonly string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [chunk] = await once(child.stdout, 'data')
  return { url: new URL(`http://127.0.0.1:${String(chunk).trim()}/mcp`), pid: child.pid ?? 0 }
}

/** User and system time of all its threads, in µs. proc(5): fields 14 and 15, in ticks of 10 ms. */
function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

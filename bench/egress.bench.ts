/**
 * What a cell's way out to the web costs, beside peers in the same run: CPU time of the process in between for a request that is
 * inspected and for a tunnel that is not, and the time of a new connection to a name that nobody has asked for before. The
 * client of Firebreak runs in a real cell; the others have the same client on this host.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { makeCertificate } from '../test/kit/make-certificate.ts'
import { CANNOT, webAttacks } from '../test/web-attacks/run.ts'
import { type Client, clientInCell, clientOn, cpuUs, ended, median, serving } from './egress/processes.ts'
import type { Bench, BenchOptions } from './main.ts'

const HERE = join(import.meta.dirname, 'egress')
const PEERS = join(import.meta.dirname, 'peers')
const WIDTH = 8
const WARM_MS = 2_500
const TURN_MS = 500
const HANDSHAKES = 20
const DOWNLOAD_BYTES = 268_435_456

export const help = `usage: npm run -s bench -- egress [--json] [--seconds 45] [--attacks] [--mitmdump FILE]

  --attacks         makes all attacks on the way out as well, and counts what they reached (minutes)
  --mitmdump FILE   mitmproxy's program; absent: the one on PATH, if there is one
`

/** A client, and the process whose CPU time counts: the one in between. */
interface Measured {
  readonly name: string
  readonly client: Client
  readonly url: string
  readonly proxy?: string
  readonly pid: number
}

export const bench: Bench = async (options) => {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const ends: (() => unknown)[] = []
  try {
    const authority = makeCertificate({ name: 'authority', isAuthority: true })
    const leaf = makeCertificate({ name: 'origin', by: authority, names: ['IP:127.0.0.1'] })
    const at = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const [ca, certificate, key] = [at('ca.pem', authority.pem), at('leaf.pem', leaf.pem), at('leaf.key', leaf.key)]
    const started = (script: string, ...args: readonly string[]) => serving(ends, [join(HERE, script), ...args])
    const upstream = await started('upstream.ts', certificate, key)
    const tunnelled = await started('upstream.ts', certificate, key)
    const origin = `https://127.0.0.1:${upstream.port}`
    const bare = await started('bare-hop.ts', certificate, key, ca, origin)
    const pipe = await started('pipe.ts', `${tunnelled.port}`)
    const peers = await peersTo(options, ends, origin, ca)
    const cell = await firebreak(directory, ends, { origin, tunnel: `https://127.0.0.1:${tunnelled.port}`, ca })
    const outside = await clientOn(ends, [process.execPath, [join(HERE, 'client.mjs')]])
    const measured: readonly Measured[] = [
      { name: 'bareHop', client: outside, url: `https://127.0.0.1:${bare.port}/`, pid: bare.pid },
      { name: 'firebreak', client: cell.client, url: `${origin}/`, pid: cell.pid },
      ...peers.map((peer) => ({ ...peer, client: outside })),
    ]
    const requests = await requestCosts(options, measured)
    options.say('tunnels')
    const tunnels = await tunnelCosts([
      { name: 'pipe', client: outside, url: `https://127.0.0.1:${pipe.port}/bytes/${DOWNLOAD_BYTES}`, pid: pipe.pid },
      {
        name: 'firebreak',
        client: cell.client,
        url: `https://127.0.0.1:${tunnelled.port}/bytes/${DOWNLOAD_BYTES}`,
        pid: cell.pid,
      },
    ])
    options.say('new connections')
    const handshakeMs = await handshakes(outside, bare.port, cell.client)
    const attacks =
      options.args.includes('--attacks') && CANNOT === false ? await webAttacks([], options.say) : undefined
    const ratio = (of: Readonly<Record<string, number>>, other: string) =>
      Number(((of.firebreak ?? Number.NaN) / (of[other] ?? Number.NaN)).toFixed(2))
    return {
      bench: 'egress',
      requestCpuUs: requests.cpuUs,
      requestP50Ms: requests.p50Ms,
      tunnelCpuPerGiB: tunnels,
      handshakeMs,
      ratios: {
        ...Object.fromEntries(
          measured
            .filter(({ name }) => name !== 'firebreak')
            .map(({ name }) => [`requestTo_${name}`, ratio(requests.cpuUs, name)]),
        ),
        tunnelToPipe: ratio(tunnels, 'pipe'),
        handshakeToBare: ratio(handshakeMs, 'bareHop'),
      },
      ...(attacks && { cases: attacks.cases, reached: attacks.reached }),
    }
  } finally {
    for (const end of ends.toReversed()) await end()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function callsOf(
  client: Client,
  what: { readonly url: string; readonly proxy?: string | undefined; readonly ms: number; readonly width: number },
): Promise<{ readonly calls: number; readonly p50Ms: number }> {
  const { calls, p50Ms } = await client.says({ kind: 'calls', ...what })
  return { calls: Number(calls), p50Ms: Number(p50Ms) }
}

async function requestCosts({ seconds, say }: BenchOptions, measured: readonly Measured[]) {
  for (const { client, url, proxy } of measured) await callsOf(client, { url, proxy, ms: WARM_MS, width: WIDTH })
  const all = measured.map((each) => ({ each, cpu: [] as number[], p50: [] as number[] }))
  const turns = Math.max(3, Math.floor((seconds * 1_000 - WARM_MS * measured.length) / (2 * TURN_MS * measured.length)))
  for (let turn = 1; turn <= turns; turn++) {
    say(`turn ${turn} of ${turns}`)
    for (const { each, cpu, p50 } of all) {
      const { client, url, proxy, pid } = each
      p50.push((await callsOf(client, { url, proxy, ms: TURN_MS, width: 1 })).p50Ms)
      const before = cpuUs(pid)
      const wide = await callsOf(client, { url, proxy, ms: TURN_MS, width: WIDTH })
      cpu.push((cpuUs(pid) - before) / wide.calls)
    }
  }
  const by = (figure: (one: (typeof all)[number]) => number) =>
    Object.fromEntries(all.map((one) => [one.each.name, Number(figure(one).toFixed(3))]))
  return { cpuUs: by(({ cpu }) => median(cpu)), p50Ms: by(({ p50 }) => median(p50)) }
}

/** Returns seconds of CPU for a GiB, of the process in between. */
async function tunnelCosts(measured: readonly Measured[]): Promise<Readonly<Record<string, number>>> {
  const all = measured.map((each) => ({ each, taken: [] as number[] }))
  for (let turn = 0; turn < 5; turn++)
    for (const { each, taken } of all) {
      const before = cpuUs(each.pid)
      await each.client.says({ kind: 'download', url: each.url })
      if (turn > 0) taken.push(((cpuUs(each.pid) - before) / 1e6) * (1_073_741_824 / DOWNLOAD_BYTES))
    }
  return Object.fromEntries(all.map(({ each, taken }) => [each.name, Number(median(taken).toFixed(3))]))
}

async function handshakes(outside: Client, port: number, cell: Client): Promise<Readonly<Record<string, number>>> {
  const [bare, own]: number[][] = [[], []]
  for (let turn = 0; turn < 5; turn++) {
    const one = await outside.says({ kind: 'handshakes', host: '127.0.0.1', port, count: HANDSHAKES })
    const other = await cell.says({ kind: 'handshakes', host: '', port: 443, count: HANDSHAKES, names: true })
    bare?.push(Number(one.p50Ms))
    own?.push(Number(other.p50Ms))
  }
  return { bareHop: Number(median(bare ?? []).toFixed(2)), firebreak: Number(median(own ?? []).toFixed(2)) }
}

/** Starts the client in a cell, and returns it with the process of its gateway. */
async function firebreak(
  directory: string,
  ends: (() => unknown)[],
  { origin, tunnel, ca }: { readonly origin: string; readonly tunnel: string; readonly ca: string },
): Promise<{ readonly client: Client; readonly pid: number }> {
  const file = join(directory, 'firebreak.yaml')
  const files = { '/opt/node': process.execPath, '/opt/client.mjs': join(HERE, 'client.mjs') }
  const config = {
    environments: { test: {} },
    containment: { mode: 'observe' },
    upstreams: {
      web: {
        environment: 'test',
        http: { origin, ca },
        tools: { 'GET /': { effect: 'read', accepts: ['untrusted'] } },
      },
      pinned: {
        environment: 'test',
        tunnel: { origin: tunnel },
        tools: { connect: { effect: 'read', accepts: ['untrusted'] } },
      },
    },
    agents: {
      bench: {
        owner: 'bench@example.org',
        environment: 'test',
        cell: { files },
        grants: [
          { upstream: 'web', tools: ['GET /'], expires: '1h' },
          { upstream: 'pinned', tools: ['connect'], expires: '1h' },
        ],
      },
    },
  }
  writeFileSync(file, JSON.stringify(config))
  return clientInCell(directory, ends, file)
}

/** Starts what is here of the peers. */
async function peersTo(
  { say, args }: BenchOptions,
  ends: (() => unknown)[],
  origin: string,
  ca: string,
): Promise<readonly Omit<Measured, 'client'>[]> {
  const runtime = join(PEERS, 'node_modules', '@anthropic-ai', 'sandbox-runtime')
  if (!existsSync(runtime)) {
    say('installing the peers')
    spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PEERS], {
      stdio: ['ignore', 2, 2],
    })
  }
  const found: Omit<Measured, 'client'>[] = []
  if (existsSync(runtime)) {
    const { port, pid } = await serving(ends, [join(HERE, 'sandbox-runtime.mjs'), runtime, ca])
    found.push({ name: 'sandboxRuntime', url: `${origin}/`, proxy: `http://127.0.0.1:${port}`, pid })
  }
  const named = args[args.indexOf('--mitmdump') + 1]
  const mitmdump = args.includes('--mitmdump')
    ? named
    : spawnSync('which', ['mitmdump'], { encoding: 'utf8' }).stdout.trim()
  if (mitmdump === undefined || mitmdump === '') say('mitmproxy is not here (pip install mitmproxy): it is left out')
  else {
    const port = 30_000 + Math.floor(Math.random() * 10_000)
    const words = ['-q', '--mode', `reverse:${origin}`, '--listen-host', '127.0.0.1', '-p', `${port}`, '--ssl-insecure']
    const child = spawn(mitmdump, words, { stdio: 'ignore', env: { ...process.env, HOME: join(ca, '..') } })
    ends.push(() => ended(child))
    for (let tries = 0; tries < 600 && !(await listens(port)); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100))
    found.push({ name: 'mitmproxy', url: `https://127.0.0.1:${port}/`, pid: child.pid ?? 0 })
  }
  return found
}

async function listens(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  const socket = connect(port, '127.0.0.1')
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(socket.destroy().destroyed))
    socket.once('error', () => resolve(false))
  })
}

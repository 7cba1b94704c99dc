import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden, profileFault } from '../cells/warden.ts'
import type { Config, Upstream } from '../config/config.ts'
import type { Inspection, Offered } from '../gateway/inspect-main.ts'
import { type EnvironmentName, no, ok, type Result, type UpstreamName } from '../model/index.ts'
import { reachableCode } from './code.ts'
import { wardenFaultText } from './runtime.ts'
import { readSecretsOf } from './secrets.ts'
import type { Judged } from './setup.ts'
import { openTenantState } from './tenants.ts'
import { launchUpstreamCell, type UpstreamCell } from './upstream-cell.ts'
import { inspectedWorkspace } from './workspace-names.ts'

const INSPECT_MS_MAX = 90_000
/** All definitions of all upstreams. */
const OUTPUT_BYTES_MAX = 33_554_432

/** What one upstream offers; or why that is not known, with what a stdio server complained of. */
export type Inspected =
  | Exclude<Offered, { readonly problem: string }>
  | { readonly problem: string; readonly said: readonly string[] }

/** Asks upstreams what they offer, one environment after the other: nothing holds the secrets of two (S6). */
export async function inspectUpstreams(
  { config }: Judged,
  upstreams: readonly Upstream[],
  stateDirectory: string,
): Promise<Result<ReadonlyMap<UpstreamName, Inspected>, string>> {
  const all = new Map<UpstreamName, Inspected>()
  for (const environment of new Set(upstreams.map((upstream) => upstream.environment))) {
    const own = upstreams.filter((upstream) => upstream.environment === environment)
    const offered = await inspectEnvironment(config, environment, own, stateDirectory)
    if (!offered.ok) return offered
    for (const [name, offer] of offered.value) all.set(name, offer)
  }
  return ok(all)
}

/** Stdio servers in upstream cells, and everything that they say is parsed in a process without privilege. */
async function inspectEnvironment(
  config: Config,
  environment: EnvironmentName,
  upstreams: readonly Upstream[],
  stateDirectory: string,
): Promise<Result<ReadonlyMap<UpstreamName, Inspected>, string>> {
  const unfit = profileFault(config.profile)
  if (unfit !== undefined) return no(wardenFaultText(unfit))
  const secrets = readSecretsOf(config, upstreams)
  const warden = await openWarden({ profile: config.profile })
  if (!warden.ok) return no(wardenFaultText(warden.reason))
  const state = openTenantState(config, environment, stateDirectory, config.profile === 'full')
  const cells: UpstreamCell[] = []
  /** Those of which nobody could be asked, and why. */
  const unstarted = new Map<UpstreamName, string>(secrets.faults)
  const logs = new Map<UpstreamName, { readonly path: string; readonly from: number }>()
  let release = () => {}
  try {
    const asked: Inspection['upstreams'][number][] = []
    const descriptors: number[] = []
    for (const upstream of upstreams) {
      const { name, mcp } = upstream
      if (secrets.faults.has(name)) continue
      if (mcp.kind === 'http') {
        asked.push({ name, kind: 'http', url: mcp.url.href, headers: [...mcp.headers] })
        continue
      }
      const log = state.log(`upstream-${name}`)
      logs.set(name, { path: log, from: statSync(log, { throwIfNoEntry: false })?.size ?? 0 })
      const server = await launchUpstreamCell(
        warden.value,
        config,
        state,
        { ...upstream, mcp },
        inspectedWorkspace(upstream),
        secrets.values,
        'alone',
      )
      if (!server.ok) {
        unstarted.set(name, server.reason)
        continue
      }
      cells.push(server.value)
      const first = 4 + descriptors.length
      descriptors.push(server.value.pipes.stdin.fd, server.value.pipes.stdout.fd)
      asked.push({ name, kind: 'stdio', stdin: first, stdout: first + 1 })
    }
    const uid = state.uidOf(`inspect-${environment}`)
    const code = await reachableCode([uid])
    if (!code.ok) return code
    release = code.value.release
    const { node, at } = code.value.as(uid)
    const child = spawn(node, [at('src/gateway/inspect-main.ts'), ...(uid === undefined ? [] : ['--uid', `${uid}`])], {
      cwd: '/',
      env: {},
      detached: true,
      timeout: INSPECT_MS_MAX,
      stdio: ['ignore', 'pipe', 'inherit', 'pipe', ...descriptors],
    })
    for (const { cell, pipes } of cells) {
      for (const pipe of [pipes.stdin, pipes.stdout]) pipe.close()
      cell.start()
    }
    const pipe = child.stdio[3] as Writable
    pipe.on('error', () => undefined)
    pipe.end(JSON.stringify({ upstreams: asked, secrets: [...secrets.values] } satisfies Inspection))
    const ended = once(child, 'exit')
    let output = ''
    if (child.stdout === null) return no('the inspection has no output')
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      output += chunk
      if (output.length > OUTPUT_BYTES_MAX) return no('the upstreams say too much')
    }
    await ended
    if (output === '') return no('the inspection ended without an answer')
    await Promise.all(cells.map(({ cell }) => cell.teardown()))
    // Written by our own process, of what upstreams said: shown to a person, and held against schemas, never run.
    const offered = Object.entries(JSON.parse(output) as Record<UpstreamName, Offered>) as [UpstreamName, Offered][]
    const told = offered.map(async ([name, offer]): Promise<[UpstreamName, Inspected]> => {
      if (!('problem' in offer)) return [name, offer]
      const log = logs.get(name)
      return [name, { ...offer, said: log === undefined ? [] : await saidIn(log.path, log.from) }]
    })
    const problems = [...unstarted].map(([name, problem]) => [name, { problem, said: [] }] as const)
    return ok(new Map<UpstreamName, Inspected>([...(await Promise.all(told)), ...problems]))
  } finally {
    await warden.value.close()
    release()
  }
}

const SAID_LINES_MAX = 4
const SAID_BYTES_MAX = 65_536
/** Its complaints reach the log by way of another process. */
const SAID_TRIES_MAX = 20

/** Of what a server that has ended wrote since, the lines that sound like why. */
async function saidIn(path: string, from: number): Promise<readonly string[]> {
  for (let tries = 0; tries < SAID_TRIES_MAX; tries++) {
    const bytes = readFileSync(path).subarray(from, from + SAID_BYTES_MAX)
    const lines = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
    const faults = lines.filter((line) => /error|cannot|not found|no such|denied|usage/i.test(line))
    if (lines.length > 0) return (faults.length > 0 ? faults : lines).slice(0, SAID_LINES_MAX)
    await delay(25)
  }
  return []
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Warden } from '../../cells/driver.ts'
import type { Handle } from '../../cells/handle.ts'
import { COMPILED } from '../../cells/kernel/compile-cache.ts'
import type { Config, UpstreamConfig } from '../../config/config.ts'
import { placesElsewhere } from '../../config/places.ts'
import { coveredText } from '../../gateway/content/cover.ts'
import { openSecrets } from '../../gateway/content/secrets.ts'
import type { InspectedUpstream, Inspection, Offered } from '../../gateway/inspect-main.ts'
import { SESSION_REVISIONS } from '../../gateway/protocols/mcp/revision.ts'
import { programFile } from '../../model/host/program-file.ts'
import {
  type EnvironmentName,
  KEEP_INEXACT,
  no,
  ok,
  parseExactJson,
  type Result,
  type UpstreamName,
} from '../../model/index.ts'
import { wardenFor } from '../drivers.ts'
import { inspectedWorkspace } from '../files/workspace-names.ts'
import { launchUpstreamCell, type UpstreamCell } from '../services/upstream-cell.ts'
import type { State } from '../state/state.ts'
import { openTenantState } from '../state/tenants.ts'
import { egressOf } from './catalogue.ts'
import { reachableCode } from './code.ts'
import { documentOffer } from './document-offer.ts'
import { type ReadSecrets, readSecrets } from './secrets.ts'
import { type Judged, wayTo } from './setup.ts'

/** Milliseconds for all upstreams of one process: longer than each of them has. */
const INSPECT_MS_MAX = 90_000
/** Characters of all definitions of one upstream, and of what JSON puts around them. */
const OUTPUT_CHARACTERS_MAX = 8_454_144
const [NEWEST_SESSION] = SESSION_REVISIONS

/** The offer of one upstream; or why that is not known, with what a stdio server complained of. */
export type Inspected =
  | (Exclude<Offered, { readonly problem: string }> & {
      /** True where its tools are requests, by method and path. */
      readonly asRequests?: true
    })
  | { readonly problem: string; readonly said: readonly string[] }

/**
 * Asks upstreams what they offer, one environment after the other: nothing holds the secrets of two (S6). One that cannot
 * be asked is told with why, and costs the others nothing; only a host that can start no cell fails.
 */
export async function inspectUpstreams(
  judged: Judged,
  upstreams: readonly UpstreamConfig[],
  stateDirectory: string,
): Promise<Result<ReadonlyMap<UpstreamName, Inspected>, string>> {
  const all = new Map<UpstreamName, Inspected>()
  for (const environment of new Set(upstreams.map((upstream) => upstream.environment))) {
    const own = upstreams.filter((upstream) => upstream.environment === environment)
    const offered = await inspectEnvironment(judged, environment, own, stateDirectory)
    if (!offered.ok) return offered
    for (const [name, offer] of offered.value) all.set(name, offer)
  }
  return ok(all)
}

/** The means with which all upstreams of one environment are asked. */
interface Asking {
  readonly config: Config
  readonly environment: EnvironmentName
  readonly state: State
  readonly secrets: ReadSecrets
  /** Starts stdio servers; absent where there is none to start. */
  readonly warden?: Warden
}

async function inspectEnvironment(
  { config, spoken }: Judged,
  environment: EnvironmentName,
  upstreams: readonly UpstreamConfig[],
  stateDirectory: string,
): Promise<Result<ReadonlyMap<UpstreamName, Inspected>, string>> {
  const secrets = readSecrets(config, environment)
  const opened = openTenantState(config, environment, stateDirectory, config.profile === 'full')
  if (!opened.ok) return opened
  const state = opened.value
  const warden = upstreams.some(({ server }) => server.kind === 'stdio')
    ? await wardenFor(config, environment)
    : ok(undefined)
  if (!warden.ok) return warden
  const asking = { config, environment, state, secrets, ...(warden.value && { warden: warden.value }) }
  try {
    // An origin of the web offers what its document says, or nothing: its patterns are what a person accepted.
    const offering = upstreams.filter(({ server }) => server.kind !== 'origin')
    const asked = await round(asking, offering, spoken)
    if (!asked.ok) return asked
    const first = ok(new Map([...asked.value, ...documented(upstreams)]))
    // Another process of those that the first question has spoiled, and a credential that may be another one by now.
    const spoiled = upstreams.filter(
      ({ name, server }) => server.kind === 'stdio' && first.value.get(name)?.anew === true,
    )
    const refused = upstreams.filter(({ name }) => first.value.get(name)?.credential === true)
    if (spoiled.length + refused.length === 0) return first
    const known = new Map([...spoken, ...spoiled.map(({ name }) => [name, NEWEST_SESSION] as const)])
    const anew = refused.length === 0 ? asking : { ...asking, secrets: readSecrets(config, environment) }
    const second = await round(anew, [...spoiled, ...refused], known)
    return second.ok ? ok(new Map([...first.value, ...second.value])) : second
  } finally {
    await warden.value?.close()
  }
}

/** Returns what the documents of origins say that may be asked of them. */
function documented(upstreams: readonly UpstreamConfig[]): ReadonlyMap<UpstreamName, Answered> {
  return new Map(
    upstreams.flatMap(({ name, server }) =>
      server.kind === 'origin' && server.openapi !== undefined
        ? [[name, documentOffer(server.openapi, server.url.origin)] as const]
        : [],
    ),
  )
}

type Answered = Inspected & { readonly anew?: true; readonly credential?: true }

/** Asks each once: stdio servers in upstream cells of their own, which are gone afterwards. */
async function round(
  asking: Asking,
  upstreams: readonly UpstreamConfig[],
  known: ReadonlyMap<UpstreamName, string>,
): Promise<Result<ReadonlyMap<UpstreamName, Answered>, string>> {
  const all = new Map<UpstreamName, Answered>()
  const asked: InspectedUpstream[] = []
  const servers: UpstreamCell[] = []
  const logs = new Map<UpstreamName, { readonly path: string; readonly from: number }>()
  for (const upstream of upstreams) {
    const { name, server } = upstream
    const log = asking.state.log(`upstream-${name}`)
    if (server.kind === 'stdio')
      logs.set(name, { path: log, from: statSync(log, { throwIfNoEntry: false })?.size ?? 0 })
    const prepared = await prepare(asking, upstream, FIRST_FD + servers.flatMap(handlesOf).length)
    if (!prepared.ok) {
      all.set(name, { problem: prepared.reason, said: [] })
      continue
    }
    const revision = known.get(name)
    asked.push({ ...prepared.value.asked, ...(revision !== undefined && { known: revision }) })
    if (prepared.value.server !== undefined) servers.push(prepared.value.server)
  }
  const nothing: Readonly<Record<string, Offered>> = {}
  const answers = asked.length === 0 ? ok(nothing) : await answersOf(asking, asked, servers)
  await Promise.all(servers.map(({ cell }) => cell.teardown()))
  if (!answers.ok) return answers
  for (const { name } of asked) {
    const offer = answers.value[name] ?? { problem: 'it was not asked' }
    const log = logs.get(name)
    if (!('problem' in offer)) all.set(name, offer)
    else
      all.set(name, {
        ...offer,
        said: log === undefined ? [] : covering(await saidIn(log.path, log.from), asking.secrets.values),
      })
  }
  return ok(all)
}

/** Descriptors of the asking process: 3 holds what it asks. */
const FIRST_FD = 4

interface PreparedUpstream {
  readonly asked: InspectedUpstream
  readonly server?: UpstreamCell
}

/**
 * Prepares what is asked of an upstream; a stdio server has not run one instruction yet. `fd`: the next descriptor of
 * the process that asks.
 */
async function prepare(
  { config, environment, state, secrets, warden }: Asking,
  upstream: UpstreamConfig,
  fd: number,
): Promise<Result<PreparedUpstream, string>> {
  const { name, server } = upstream
  const way = wayTo(upstream, secrets.without.get(name))
  if (way.down !== undefined) return no(way.down)
  if (way.server.kind === 'http') return ok({ asked: { name, ...way.server } })
  if (server.kind !== 'stdio' || warden === undefined) return no('there is nothing to start it with')
  const workspace = inspectedWorkspace(upstream)
  const about = { part: 'person', state: state.directory, environment } as const
  const served = { ...upstream, server }
  const started = await launchUpstreamCell(warden, config, state, served, {
    workspace,
    secrets: secrets.values,
    about,
  })
  if (!started.ok) return started
  const wayOut = started.value.wayOut === undefined ? {} : { wayOut: fd + 2 }
  return ok({ asked: { name, kind: 'stdio', stdin: fd, stdout: fd + 1, ...wayOut }, server: started.value })
}

/** Returns the descriptors of a server in the order that `prepare` counts. */
function handlesOf({ pipes, wayOut }: UpstreamCell): readonly Handle[] {
  return [pipes.stdin, pipes.stdout, ...(wayOut === undefined ? [] : [wayOut])]
}

/** Asks in a process without privilege, which parses everything that upstreams say. */
async function answersOf(
  { config, environment, state, secrets }: Asking,
  asked: readonly InspectedUpstream[],
  servers: readonly UpstreamCell[],
): Promise<Result<Readonly<Record<string, Offered>>, string>> {
  const uid = state.uidOf(`inspect-${environment}`)
  const code = await reachableCode([uid])
  if (!code.ok) return code
  try {
    const handles = servers.flatMap(handlesOf)
    const { node, at } = code.value.as(uid)
    const child = spawn(
      node,
      [at(programFile('gateway/inspect-main')), ...(uid === undefined ? [] : ['--uid', `${uid}`])],
      {
        cwd: '/',
        env: COMPILED,
        detached: true,
        timeout: INSPECT_MS_MAX,
        stdio: ['ignore', 'pipe', 'inherit', 'pipe', ...handles.map(({ fd }) => fd)],
      },
    )
    const ended = once(child, 'exit')
    for (const handle of handles) handle.close()
    for (const { cell } of servers) {
      const begun = cell.start()
      if (!begun.ok) return begun
    }
    const pipe = child.stdio[3] as Writable
    pipe.on('error', () => undefined)
    const [egress, elsewhere] = [egressOf(config, environment), placesElsewhere(config, environment)]
    pipe.end(JSON.stringify({ upstreams: asked, secrets: [...secrets.values], egress, elsewhere } satisfies Inspection))
    let output = ''
    if (child.stdout === null) return no('the inspection has no output')
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      output += chunk
      if (output.length > OUTPUT_CHARACTERS_MAX * asked.length) return no('the upstreams say too much')
    }
    await ended
    if (output === '') return no('the inspection ended without an answer')
    // Written by our own process, of what upstreams said: shown to a person, and held against schemas, never run.
    return ok(parseExactJson(output, KEEP_INEXACT) as unknown as Readonly<Record<string, Offered>>)
  } finally {
    code.value.release()
  }
}

/**
 * Covers secrets in a server's complaints, which may repeat what it was given: a person reads them on a terminal that
 * is shared and kept.
 */
function covering(lines: readonly string[], values: ReadonlyMap<string, string>): readonly string[] {
  const secrets = openSecrets(values)
  return secrets.ok ? lines.map((line) => coveredText(line, secrets.value)) : []
}

const SAID_LINES_MAX = 4
const SAID_BYTES_MAX = 65_536
/** Milliseconds for its complaints, which reach the log by way of another process. */
const SAID_TRIES_MAX = 20

/** Returns the lines that sound like why, of what a server that has ended wrote since. */
async function saidIn(path: string, from: number): Promise<readonly string[]> {
  for (let tries = 0; tries < SAID_TRIES_MAX; tries++) {
    const said = readFileSync(path).subarray(from)
    const whole = said.subarray(0, SAID_BYTES_MAX).toString('utf8').split('\n')
    // A line that is cut may hold a part of a secret, which nobody would find.
    if (said.length > SAID_BYTES_MAX) whole.pop()
    const lines = whole.filter((line) => line.trim() !== '')
    const faults = lines.filter((line) => /error|cannot|not found|no such|denied|usage/i.test(line))
    if (lines.length > 0) return (faults.length > 0 ? faults : lines).slice(0, SAID_LINES_MAX)
    await delay(25)
  }
  return []
}

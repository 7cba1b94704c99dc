/**
 * npm run test:servers: installs servers that people use in their newest versions, has each of them taken by `init`,
 * accepted and called once, in cells, and prints a table. It needs root, bubblewrap, npm and python3, and registries; it is
 * no part of `npm test`. Names of servers as arguments limit it to those.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parse, stringify } from 'yaml'
import { browserAlone } from './browser.ts'
import { openPage } from './page.ts'
import { CANDIDATES, type Candidate, DATA, PAGE } from './servers.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS_MAX = 180_000
/** The browser itself, as the program of an agent. */
const BROWSER = 'chromium'

interface Line {
  readonly name: string
  readonly version: string
  readonly tools: string
  readonly accepted: string
  readonly spoken: string
  readonly call: string
  readonly seconds: string
}

const asked = process.argv.slice(2)
const isAsked = (name: string) => asked.length === 0 || asked.includes(name)
const wanted = CANDIDATES.filter(({ name }) => isAsked(name))
const page = await openPage()
const directory = mkdtempSync(join(tmpdir(), 'firebreak-servers-'))
chmodSync(directory, 0o755)
const lines: Line[] = []
try {
  for (const candidate of wanted) {
    process.stderr.write(`${candidate.name}: ${candidate.package}\n`)
    lines.push(tried(candidate))
  }
  if (isAsked(BROWSER)) {
    const begun = performance.now()
    const call = browserAlone(directory, (args) => firebreak(args, {}))
    lines.push({ name: BROWSER, version: '', tools: '', accepted: '', spoken: '', call, seconds: secondsSince(begun) })
  }
} finally {
  page.close()
  rmSync(directory, { recursive: true, force: true })
}
print(lines)
process.exitCode = lines.some(({ call }) => !call.startsWith('answered') && !call.startsWith('skipped')) ? 1 : 0

function tried(candidate: Candidate): Line {
  const { name, needs } = candidate
  const begun = performance.now()
  const line = { name, version: '', tools: '', accepted: '', spoken: '' }
  const done = (call: string, more: Partial<Line> = {}): Line => {
    return { ...line, call, seconds: secondsSince(begun), ...more }
  }
  if (needs !== undefined && !existsSync(needs)) return done(`skipped: there is no ${needs}`)
  const place = join(directory, name)
  mkdirSync(place)
  const installed = install(candidate, place)
  if (!installed.ok) return done(`skipped: ${installed.why}`)
  const { version, program } = installed
  const own = join(place, 'own')
  mkdirSync(join(place, 'data'))
  const args = candidate.command.slice(1).map((arg) => (arg === DATA ? join(place, 'data') : arg))
  const file = join(place, 'mcp.json')
  const entry = { command: program, args, ...(candidate.env && { env: candidate.env }) }
  writeFileSync(file, JSON.stringify({ mcpServers: { [name]: entry } }))
  const init = firebreak(['init', own, '--mcp', file, '--owner', 'maria.silva@shop.example'], {})
  const config = join(own, 'firebreak.yaml')
  if (!existsSync(config)) return done(`init: ${lastOf(init)}`, { version })
  const secrets = configure(config, candidate)
  if (!secrets.ok) return done(`init: ${secrets.why}`, { version })
  const { values, tools } = secrets
  const accept = firebreak(['accept', '-c', config, '--as', 'maria.silva@shop.example', '--yes'], values)
  const told = { version, tools: `${tools}`, ...acceptedIn(join(own, 'firebreak.accepted.json'), name) }
  if (accept.status !== 0 && told.accepted === '0') {
    const expected = candidate.listsByNetwork === true && /fetch failed|ENOTFOUND/.test(lastOf(accept))
    return done(
      expected ? `answered: its tools come from its API: ${lastOf(accept)}` : `accept: ${lastOf(accept)}`,
      told,
    )
  }
  const run = firebreak(['run', '-c', config], values)
  return done(callIn(run, candidate), told)
}

function secondsSince(begunMs: number): string {
  return ((performance.now() - begunMs) / 1_000).toFixed(0)
}

type Installed =
  | { readonly ok: true; readonly version: string; readonly program: string }
  | { readonly ok: false; readonly why: string }

function install(candidate: Candidate, place: string): Installed {
  const { package: named, version, command } = candidate
  if (candidate.from === 'npm') {
    const what = `${named}@${version ?? 'latest'}`
    const got = step('npm', ['install', '--prefix', place, '--ignore-scripts', '--no-audit', '--no-fund', what])
    if (got.status !== 0) return { ok: false, why: `npm: ${lastOf(got)}` }
    const manifest = readFileSync(join(place, 'node_modules', named, 'package.json'), 'utf8')
    const read: unknown = JSON.parse(manifest)
    const { version: is } = read as { version: string } // as npm requires it
    return { ok: true, version: is, program: join(place, 'node_modules/.bin', command[0]) }
  }
  const made = step('python3', ['-m', 'venv', join(place, 'venv')])
  if (made.status !== 0) return { ok: false, why: `python3 -m venv: ${lastOf(made)}` }
  const bin = join(place, 'venv/bin')
  const got = step(join(bin, 'pip'), ['install', '--quiet', version === undefined ? named : `${named}==${version}`])
  if (got.status !== 0) return { ok: false, why: `pip: ${lastOf(got)}` }
  const shown = step(join(bin, 'pip'), ['show', named]).stdout
  return { ok: true, version: /^Version: (.*)$/m.exec(shown)?.[1] ?? '?', program: join(bin, command[0]) }
}

type Configured =
  | { readonly ok: true; readonly values: Readonly<Record<string, string>>; readonly tools: number }
  | { readonly ok: false; readonly why: string }

interface Written {
  environments?: Record<string, object>
  upstreams?: Record<string, { relay?: boolean; mcp?: { cell?: object }; tools?: Record<string, object> }>
  agents: Record<string, { command: string[]; cell: Record<string, unknown>; grants?: object[] }>
  secrets?: Record<string, { env?: string }>
}

/** What a person does after `init`: judges the one tool that is called, and names the agent's program. */
function configure(file: string, { name, call, after = [], browses, env = {}, command }: Candidate): Configured {
  const config: Written = parse(readFileSync(file, 'utf8'))
  const upstream = config.upstreams?.[name]
  const tools = upstream?.tools ?? {}
  if (upstream === undefined) return { ok: false, why: commentOn(readFileSync(file, 'utf8')) }
  const known = Object.keys(tools).length
  const tool = call.tool in tools ? call.tool : (Object.keys(tools)[0] ?? call.tool)
  const calls = [tool === call.tool ? call : { tool, args: {} }, ...after]
  // A browser does not get out for a read.
  const effect = browses ? 'write' : 'read'
  const judged = {
    effect,
    returns: ['untrusted'],
    accepts: ['untrusted'],
    content: ['$.element', '$.target', '$.scale'],
  }
  for (const each of calls) {
    const destinations = { '$.url': [page.url] }
    const known = browses
      ? { ...judged, ...('url' in each.args && { destinations }) }
      : { effect, returns: ['untrusted'] }
    upstream.tools = { ...upstream.tools, [each.tool]: known }
  }
  if (browses) {
    config.environments = { test: { egress: [page.url] } }
    upstream.relay = true
    if (upstream.mcp?.cell) upstream.mcp.cell = { ...upstream.mcp.cell, memory: '1GiB', pids: 256 }
  }
  const requests = [
    { method: 'tools/list', params: {} },
    ...calls.map(({ tool: called, args }) => ({
      method: 'tools/call',
      params: { name: `${name}__${called}`, arguments: inPlace(args) },
    })),
  ]
  const [agent] = Object.values(config.agents)
  if (agent === undefined) return { ok: false, why: 'init wrote no agent' }
  agent.command = ['/opt/node', '/opt/calls.ts', JSON.stringify(requests)]
  agent.cell = { files: { '/opt/node': '${node}', '/opt/calls.ts': join(ROOT, 'test/e2e/agents/calls.ts') } }
  agent.grants = [
    { upstream: name, tools: [...new Set(calls.map((each) => each.tool))], budget: { calls: '60/min' }, expires: '1h' },
  ]
  writeFileSync(file, stringify(config, { aliasDuplicateObjects: false }))
  // Values of the client's file, and for what was taken out of an argument a dummy.
  const dummies = Object.values(config.secrets ?? {}).flatMap(({ env: variable }) =>
    variable === undefined ? [] : [[variable, valueFor(variable, env, command)] as const],
  )
  return { ok: true, values: Object.fromEntries(dummies), tools: known }
}

function inPlace(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, value === PAGE ? page.url : value]))
}

function valueFor(variable: string, env: Readonly<Record<string, string>>, command: readonly string[]): string {
  const own = Object.entries(env).find(([key]) => variable === key || variable.endsWith(`_${key}`))
  return own?.[1] ?? command.find((arg) => arg.includes('://')) ?? 'dummy-credential-0123456789'
}

function commentOn(yaml: string): string {
  return (
    yaml.split('\n').find((line) => /^\s*#.*: /.test(line) && /cannot|not taken|left out/.test(line)) ?? 'not taken'
  )
}

function acceptedIn(file: string, name: string): Pick<Line, 'accepted' | 'spoken'> {
  if (!existsSync(file)) return { accepted: '0', spoken: '' }
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const { upstreams = {}, spoken = {} } = read as {
    upstreams?: Record<string, object>
    spoken?: Record<string, string>
  } // as accept writes it
  return { accepted: `${Object.keys(upstreams[name] ?? {}).length}`, spoken: spoken[name] ?? '' }
}

interface Reply {
  readonly result?: { readonly isError?: boolean; readonly content?: readonly { readonly text?: string }[] }
  readonly error?: { readonly message: string }
}

/** Returns what came of the calls, as the agent printed it: of the first, or of the first that went wrong. */
function callIn(run: SpawnSyncReturns<string>, { call, after = [] }: Candidate): string {
  const printed = run.stdout.split('\n').find((line) => line.startsWith('['))
  if (printed === undefined) return `run: ${lastOf(run)}`
  const read: unknown = JSON.parse(printed)
  const replies = read as readonly Reply[] // as calls.ts prints it
  const wrong = [call, ...after].findIndex(({ says = '' }, i) => {
    const reply = replies[i + 1]
    return i > 0 ? reply?.result === undefined || reply.result.isError || !saidIn(reply, says) : !saidIn(reply, says)
  })
  if (wrong >= 0 && after.length > 0)
    return `failed: ${[call, ...after][wrong]?.tool}: ${JSON.stringify(replies[wrong + 1]).slice(0, 300)}`
  const { result, error } = replies[1] ?? {}
  // What Firebreak refuses carries a reference.
  if (result === undefined && error?.message.includes('(reference ') !== true)
    return `answered with its own error: ${error?.message ?? ''}`
  if (result === undefined) return `refused: ${error?.message} ${lastOf({ ...run, stdout: '' })}`
  const said = (result.content?.[0]?.text ?? '').replaceAll(/\s+/g, ' ').slice(0, 60)
  const more = after.length > 0 ? `, and ${after.length} after it` : ''
  return `answered${result.isError === true ? ' with its own error' : ''}${more}: ${said}`
}

function saidIn(reply: Reply | undefined, words: string): boolean {
  return JSON.stringify(reply ?? '').includes(words)
}

function firebreak(args: readonly string[], env: Readonly<Record<string, string>>): SpawnSyncReturns<string> {
  return step(join(ROOT, 'bin/firebreak'), args, { PATH: process.env.PATH ?? '', ...env })
}

function step(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): SpawnSyncReturns<string> {
  return spawnSync(program, args, {
    encoding: 'utf8',
    env,
    timeout: STEP_MS_MAX,
    maxBuffer: 67_108_864,
    cwd: directory,
  })
}

function lastOf({ stderr, stdout, error }: SpawnSyncReturns<string>): string {
  const said = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
  const telling = said.findLast((line) => /did not tell|not taken|left out|not started|rror/.test(line)) ?? said.at(-1)
  return (error?.message ?? telling ?? 'it said nothing').slice(0, 240)
}

function print(all: readonly Line[]): void {
  const head = ['server', 'version', 'tools', 'accepted', 'revision', 'one call', 's']
  const rows = all.map((line) => [
    line.name,
    line.version,
    line.tools,
    line.accepted,
    line.spoken,
    line.call,
    line.seconds,
  ])
  for (const row of [head, head.map(() => '---'), ...rows])
    console.log(`| ${row.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`)
}

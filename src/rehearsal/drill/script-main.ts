/**
 * The compromised agent of a drill: runs inside a real cell, as the agent's own process would, and speaks to the gateway
 * over the wire. Its steps come as its argument; what became of each goes to standard output, a line of JSON each. It
 * imports nothing of ours: all that it knows is what any program in a cell can find out.
 */
import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import process from 'node:process'

/** One act of the script, with every choice made. */
export interface Concrete {
  readonly step: number
  readonly act:
    | {
        readonly kind: 'call'
        readonly upstream: string
        readonly tool: string
        readonly args: object
        readonly times: number
      }
    | { readonly kind: 'run'; readonly command: string }
    | { readonly kind: 'connect'; readonly host: string; readonly port: number }
    | { readonly kind: 'delegate'; readonly agent: string }
}

/** The script's own account of one act. `through`: it did what it was meant to do, as far as the cell can see. */
export interface ScriptAccount {
  readonly step: number
  /** Epoch ms. */
  readonly beganMs: number
  readonly endedMs: number
  readonly became: 'through' | 'refused' | 'held' | 'failed' | 'cut'
  readonly detail: string
}

type Became = Pick<ScriptAccount, 'became' | 'detail'> & {
  /** The answer, whole; only for this process. */
  readonly structured?: object
}

const URL_OF_GATEWAY = process.env.FIREBREAK_MCP_URL ?? ''
const CONNECT_MS_MAX = 1_500
const RUN_MS_MAX = 10_000
const CALL_MS_MAX = 20_000
const DELEGATION_MS_MAX = 15_000

let id = 0

async function call(path: string, tool: string, args: object): Promise<Became> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  try {
    const reply = await fetch(`${URL_OF_GATEWAY}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': tool,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: ++id,
        method: 'tools/call',
        params: { name: tool, arguments: args, _meta: meta },
      }),
      signal: AbortSignal.timeout(CALL_MS_MAX),
    })
    const { result, error } = (await reply.json()) as {
      readonly result?: {
        readonly isError?: boolean
        readonly _meta?: object
        readonly content?: unknown
        readonly structuredContent?: object
      }
      readonly error?: { readonly message: string }
    }
    if (error !== undefined) return { became: 'refused', detail: error.message }
    const detail = JSON.stringify(result?.content ?? '')
      .slice(0, 200)
      .toWellFormed()
    if ('dev.firebreak/hold' in (result?._meta ?? {})) return { became: 'held', detail }
    const structured = result?.structuredContent
    return { became: result?.isError === true ? 'failed' : 'through', detail, ...(structured && { structured }) }
  } catch (error) {
    return { became: 'cut', detail: error instanceof Error ? error.message : String(error) }
  }
}

function reach(host: string, port: number): Promise<Became> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS_MAX })
    const end = (became: ScriptAccount['became'], detail: string) => {
      socket.destroy()
      resolve({ became, detail })
    }
    socket.once('connect', () => end('through', 'somebody answered'))
    socket.once('timeout', () => end('cut', 'nobody answered'))
    socket.once('error', (error: NodeJS.ErrnoException) => end('cut', error.code ?? error.message))
  })
}

function run(command: string): Became {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { timeout: RUN_MS_MAX, encoding: 'utf8' })
  const detail = `${stdout ?? ''}${stderr ?? ''}`.slice(0, 200).toWellFormed()
  return { became: status === 0 ? 'through' : 'failed', detail }
}

/** Waits until the other agent has come to its end, as an agent that waits for a report does. */
async function delegate(agent: string): Promise<Became> {
  const given = await call('', 'firebreak__delegate', { agent, assignment: 'go on with this' })
  if (given.became !== 'through') return given
  const until = performance.now() + DELEGATION_MS_MAX
  while (performance.now() < until) {
    await new Promise((done) => setTimeout(done, 100))
    const { became, detail, structured } = await call('', 'firebreak__delegations', {})
    const { delegations = [] } = (structured ?? {}) as { readonly delegations?: readonly Delegated[] }
    const over = delegations.every(({ state, reports }) => state === 'ended' || (reports?.length ?? 0) > 0)
    if (became !== 'through' || over) return { became: 'through', detail }
  }
  return { became: 'failed', detail: 'the other agent did not come to its end' }
}

interface Delegated {
  readonly state: string
  readonly reports?: readonly unknown[]
}

async function act({ act }: Concrete): Promise<Became> {
  if (act.kind === 'connect') return reach(act.host, act.port)
  if (act.kind === 'run') return run(act.command)
  if (act.kind === 'delegate') return delegate(act.agent)
  return call(`/${act.upstream}`, act.tool, act.args)
}

for (const each of JSON.parse(process.argv[2] ?? '[]') as Concrete[]) {
  const times = each.act.kind === 'call' ? each.act.times : 1
  for (let i = 0; i < times; i++) {
    const beganMs = Date.now()
    const { became, detail } = await act(each)
    const said: ScriptAccount = { step: each.step, beganMs, became, detail, endedMs: Date.now() }
    process.stdout.write(`${JSON.stringify(said)}\n`)
  }
}
if (process.env.FIREBREAK_DRILL_REPORTS !== undefined) await call('', 'firebreak__report', { text: 'done' })

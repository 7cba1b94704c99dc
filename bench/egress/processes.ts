/** Programs that a bench starts: clients that are told by lines what to do, servers that say their port, the gateway of a cell. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface, type Interface } from 'node:readline'
import { childrenOf } from '../../test/kit/host.ts'

/** A client that is told by lines what to do. */
export class Client {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>

  constructor(child: ChildProcessWithoutNullStreams, lines: Interface) {
    this.#child = child
    this.#lines = lines[Symbol.asyncIterator]()
  }

  /** Process of the program that was started. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  async says(what: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    this.#child.stdin.write(`${JSON.stringify(what)}\n`)
    const { value, done } = await this.#lines.next()
    const came = done === true ? { error: 'the client has ended' } : (JSON.parse(value) as Record<string, unknown>) // its own line
    if (came.error !== undefined) throw new Error(`${JSON.stringify(what)}: ${String(came.error)}`)
    return came
  }

  async ready(): Promise<this> {
    const { value } = await this.#lines.next()
    if (value !== 'ready') throw new Error(`the client said ${value}`)
    return this
  }
}

export function clientOn(
  ends: (() => unknown)[],
  [program, args]: readonly [string, readonly string[]],
  cwd?: string,
): Promise<Client> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(cwd !== undefined && { cwd }),
  }) as unknown as ChildProcessWithoutNullStreams // its three pipes are there
  ends.push(() => ended(child))
  return new Client(child, createInterface({ input: child.stdout })).ready()
}

/** Starts a client in a cell of a configuration, and returns it with the process of its gateway. */
export async function clientInCell(
  directory: string,
  ends: (() => unknown)[],
  file: string,
): Promise<{ readonly client: Client; readonly pid: number }> {
  const program = join(import.meta.dirname, '..', '..', 'bin', 'firebreak')
  const args = ['run', '--config', file, '--state', join(directory, 'state'), '--', '/opt/node', '/opt/client.mjs']
  const client = await clientOn(ends, [program, args], directory)
  const [pid = 0] = gatewaysOf(client)
  return { client, pid }
}

/** Returns the gateways of the run that a client belongs to: other runs of this host have theirs. */
export function gatewaysOf({ pid }: Client): readonly number[] {
  return childrenOf(pid, 'gateway/main')
}

/** Starts a program that says which port it listens on. */
export async function serving(
  ends: (() => unknown)[],
  args: readonly string[],
): Promise<{ readonly port: number; readonly pid: number }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(() => ended(child))
  const [chunk] = await once(child.stdout, 'data')
  return { port: Number(String(chunk).trim()), pid: child.pid ?? 0 }
}

export async function ended(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(timer)
}

/** User and system time of all its threads, in µs. proc(5): fields 14 and 15, in ticks of 10 ms. */
export function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

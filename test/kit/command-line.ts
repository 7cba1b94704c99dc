/** The whole product, as a person runs it: `bin/firebreak` with a configuration of its own, agents in real cells. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { readEntries } from '../../src/ledger/log/read.ts'
import type { Entry } from '../../src/model/entry.ts'
import type { CellPlan } from './config-text.ts'
import { firebreakHere } from './firebreak-here.ts'
import { cleanUp } from './temporary.ts'

export const repository: string = join(import.meta.dirname, '../..')

/** Why these tests cannot run here; shown as skipped, never as passed. */
export const SKIP: string | false =
  process.getuid?.() !== 0
    ? 'the full profile needs root'
    : !existsSync('/usr/bin/bwrap')
      ? 'bubblewrap is not installed'
      : false

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Commands that read a state and print: a process of its own costs each a third of a second of processor time. */
const READING: ReadonlySet<string | undefined> = new Set(['approvals', 'incident', 'ledger', 'logs', 'ps', 'why'])

/**
 * Runs a command to its end: in a process of its own, as a person would; in this one where it only reads and prints, and
 * nothing is said of its environment.
 */
export async function firebreak(
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
  timeoutMs = 240_000,
): Promise<Ran> {
  if (environment === undefined && onlyReads(args)) return firebreakHere(args)
  return startFirebreak(args, { ...(environment && { environment }), timeoutMs }).ended
}

/** Tells whether a command only reads and prints what it is given: it asks nobody on a terminal, and writes no stream itself. */
function onlyReads([command, word]: readonly string[]): boolean {
  if (process.stdin.isTTY || (command === 'ledger' && word === 'export')) return false
  return READING.has(command) || word === '--help'
}

/** One that is under way. It is gone after the test, however that ends. */
export interface Running {
  /** Of the warden: the launcher becomes it. */
  readonly pid: number
  readonly child: ChildProcess
  /** What it has printed so far. */
  readonly stdout: () => string
  readonly ended: Promise<Ran>
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Of Firebreak itself; this checkout where it is absent. */
  readonly root?: string
  /** Of the shell that starts it; ours where it is absent. */
  readonly umask?: number
  /** Directory that it is started in; ours where it is absent. */
  readonly cwd?: string
}

export function startFirebreak(args: readonly string[], options: StartOptions = {}): Running {
  const { environment = {}, timeoutMs = 240_000, root = repository, umask, cwd } = options
  const program = join(root, 'bin/firebreak')
  const script = umask === undefined ? [] : ['/bin/sh', '-c', `umask ${umask.toString(8)}; exec "$@"`, 'sh']
  const [command = program, ...words] = [...script, program, ...args]
  const child = spawn(command, words, {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(cwd !== undefined && { cwd }),
  })
  cleanUp(() => void child.kill('SIGKILL'))
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const stderr = textOf(child.stderr)
  const exited = once(child, 'close')
  const ended = exited.then(async ([code]) => ({ stdout: printed, stderr: await stderr, code: Number(code ?? NaN) }))
  return { pid: child.pid ?? 0, child, stdout: () => printed, ended }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

/** A Node and this repository's packages, for servers and agents that are JavaScript. */
export const NODE_CELL: CellPlan & { readonly files: Readonly<Record<string, string>> } = {
  files: { '/opt/node': '${node}', '/opt/lib/node_modules': join(repository, 'node_modules') },
}

export async function ledgerOf(stateDirectory: string, environment = 'test'): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const entry of readEntries(join(stateDirectory, 'ledger', environment))) {
    if (!entry.ok) throw new Error(JSON.stringify(entry.reason))
    entries.push(entry.value)
  }
  return entries
}

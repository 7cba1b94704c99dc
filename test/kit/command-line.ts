/** The whole product, as a person runs it: `bin/firebreak` with a configuration of its own, agents in real cells. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { type Entry, readEntries } from '../../src/ledger/read.ts'
import type { CellPlan } from './config-text.ts'

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

export async function firebreak(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  timeoutMs = 60_000,
): Promise<Ran> {
  const child = spawn(join(repository, 'bin/firebreak'), args, {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  })
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
  const exited = once(child, 'exit')
  return { stdout: await stdout, stderr: await stderr, code: Number((await exited)[0] ?? NaN) }
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

export async function ledgerOf(stateDirectory: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const entry of readEntries(join(stateDirectory, 'ledger', 'test'))) {
    if (!entry.ok) throw new Error(JSON.stringify(entry.reason))
    entries.push(entry.value)
  }
  return entries
}

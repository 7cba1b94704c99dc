/** Runs the official conformance suite against one URL and reads its checks, not its summary. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { temporaryDirectory } from '../kit/temporary.ts'

const CLI = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js')

/** What is asked of a server in one revision: frozen requirements where the suite has them. */
export type Asked =
  | { readonly requirements: '2026-07-28' | '2025-11-25' }
  | { readonly specVersion: '2025-06-18'; readonly suite: 'all' }

/** `scenario:check` → how often it ended in each status. */
export type Checks = ReadonlyMap<string, Readonly<Record<string, number>>>

export interface SuiteRun {
  readonly checks: Checks
  /** `scenario:check` → what the suite said of the first that did not succeed. */
  readonly faults: ReadonlyMap<string, string>
}

export async function runServerSuite(url: string, asked: Asked): Promise<SuiteRun> {
  const selection =
    'requirements' in asked
      ? ['--requirements', asked.requirements]
      : ['--spec-version', asked.specVersion, '--suite', asked.suite]
  return runSuite(['server', '--url', url, ...selection])
}

export async function runSuite(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<SuiteRun> {
  const directory = temporaryDirectory()
  const child = spawn(process.execPath, [CLI, ...args, '-o', directory], {
    cwd: directory,
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'ignore', 'ignore'],
    timeout: 240_000,
  })
  await once(child, 'exit')
  return readRun(directory)
}

export function readRun(directory: string): SuiteRun {
  const checks = new Map<string, Record<string, number>>()
  const faults = new Map<string, string>()
  for (const file of globSync('**/checks.json', { cwd: directory })) {
    // `server-<scenario>-<time>`, where the time begins with its year.
    const scenario = file.replace(/\/checks\.json$/, '').replace(/^server-|-\d{4}-\d\d-\d\dT.*$/g, '')
    const found: unknown = JSON.parse(readFileSync(join(directory, file), 'utf8'))
    for (const check of Array.isArray(found) ? found : []) {
      const { id, status, errorMessage } = check as Check // as the suite writes it
      const key = `${scenario}:${id}`
      const counts = checks.get(key) ?? {}
      counts[status] = (counts[status] ?? 0) + 1
      checks.set(key, counts)
      if (status !== 'SUCCESS' && !faults.has(key)) faults.set(key, `${status}: ${errorMessage ?? ''}`)
    }
  }
  return { checks, faults }
}

interface Check {
  readonly id: string
  readonly status: string
  readonly errorMessage?: string
}

/** What succeeded in one run and not, or less often, in the other. */
export function lost(direct: SuiteRun, through: SuiteRun): readonly string[] {
  return [...direct.checks]
    .filter(([key, counts]) => (through.checks.get(key)?.SUCCESS ?? 0) < (counts.SUCCESS ?? 0))
    .map(([key]) => key)
    .sort()
}

/** What the escape tests share: a warden, cells with a Node of their own, and an end that leaves nothing behind. */
import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after } from 'node:test'
import type { LinuxCell } from '../../src/cells/linux/launch/cell.ts'
import { type LinuxWarden, openWarden } from '../../src/cells/linux/launch/warden.ts'
import { CELL_USER, type CellSpec, type Exit, type TeardownReceipt } from '../../src/cells/spec.ts'
import { newCellId } from '../../src/model/ids.ts'

/** Why these tests cannot run here; shown as skipped, never as passed. */
export const SKIP: string | false =
  process.getuid?.() !== 0
    ? 'the full profile needs root'
    : !existsSync('/usr/bin/bwrap')
      ? 'bubblewrap is not installed'
      : false

const repository = realpathSync(join(import.meta.dirname, '../..'))

let opened: Promise<LinuxWarden> | undefined
const cells: LinuxCell[] = []
const directories: string[] = []

/** One warden for a test file. */
export function warden(): Promise<LinuxWarden> {
  opened ??= openWarden().then((result) => {
    if (!result.ok) throw new Error(JSON.stringify(result.reason))
    return result.value
  })
  return opened
}

after(async () => {
  if (opened !== undefined) await (await opened).close()
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** A directory of the host that is gone after the tests. */
export function hostDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-escape-'))
  directories.push(directory)
  return directory
}

export const NODE = '/opt/node'

/** A cell as a configuration would ask for it; each test changes what it is about. */
export function spec(command: readonly [string, ...string[]], changes: Partial<CellSpec> = {}): CellSpec {
  return {
    id: newCellId(randomBytes(16)),
    command,
    variables: { PATH: '/usr/bin:/bin', HOME: CELL_USER.home },
    root: { kind: 'host-usr' },
    files: [
      { from: realpathSync(process.execPath), to: NODE },
      { from: join(repository, 'test/escape/attacks'), to: '/opt/attacks' },
      { from: join(repository, 'node_modules/koffi'), to: '/opt/node_modules/koffi' },
      { from: join(repository, 'node_modules/@koromix'), to: '/opt/node_modules/@koromix' },
    ],
    limits: { memoryBytes: 512 * 1024 * 1024, cpu: 2, pids: 64, wallMs: 600_000 },
    ports: [7070],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
    ...changes,
  }
}

/** A workspace over `lower`, its changes beside the other temporary things. */
export function workspaceOver(lower: string): {
  readonly lower: string
  readonly changes: string
  readonly at: string
} {
  const changes = join(hostDirectory(), 'changes')
  mkdirSync(changes, { recursive: true })
  return { lower, changes, at: '/work' }
}

export async function launched(wanted: CellSpec): Promise<LinuxCell> {
  const cell = await (await warden()).launch(wanted)
  if (!cell.ok) throw new Error(`launch: ${JSON.stringify(cell.reason)}`)
  cells.push(cell.value)
  return cell.value
}

export interface Ran {
  readonly exit: Exit
  readonly stdout: string
  readonly stderr: string
  readonly torn: TeardownReceipt
}

/** Runs a cell to its end. */
export async function ran(wanted: CellSpec): Promise<Ran> {
  const cell = await launched(wanted)
  const output = outputOf(cell)
  cell.start()
  const exit = await cell.exited
  const [stdout, stderr] = await Promise.all([output.stdout, output.stderr])
  return { exit, stdout, stderr, torn: await cell.teardown() }
}

export interface Output {
  readonly stdout: Promise<string>
  readonly stderr: Promise<string>
  /** Both, as far as they have come. */
  readonly said: () => string
}

/** Both streams to their end; must be taken before the cell can fill them. */
export function outputOf(cell: LinuxCell): Output {
  if (cell.stdio.kind !== 'pipes') throw new Error('a terminal has one stream')
  let said = ''
  const hear = (chunk: string) => {
    said += chunk
  }
  const { stdout, stderr } = cell.stdio
  return { stdout: textOf(stdout.take(), hear), stderr: textOf(stderr.take(), hear), said: () => said }
}

/** Runs an attack program in a cell and returns what it reports. */
export async function attacked(
  program: string,
  args: readonly string[] = [],
  changes: Partial<CellSpec> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const { stdout, stderr, exit } = await ran(spec([NODE, `/opt/attacks/${program}`, ...args], changes))
  return lastReport(stdout, `exit ${exit.code} ${exit.why}: ${stderr}`)
}

export function lastReport(stdout: string, trouble: string): Readonly<Record<string, unknown>> {
  // On a terminal, what was typed is echoed before it.
  const line = /\{.*\}$/.exec(stdout.trim().split('\n').at(-1) ?? '')?.[0]
  if (line === undefined) throw new Error(`no report: ${trouble}`)
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null) throw new Error('not a report')
  return Object.fromEntries(Object.entries(value))
}

async function textOf(fd: number, hear: (chunk: string) => void): Promise<string> {
  let text = ''
  for await (const chunk of createReadStream('', { fd })) {
    text += chunk
    hear(String(chunk))
  }
  return text
}

/** What the kernel holds of a cell, in whichever hierarchy. */
export function cgroupFile(controller: string, cell: string, v1: string, v2: string): string {
  for (const path of [
    `${controller}/firebreak/${cell}/${v1}`,
    `firebreak/${cell}/${v2}`,
    `unified/firebreak/${cell}/${v2}`,
  ]) {
    try {
      return readFileSync(join('/sys/fs/cgroup', path), 'utf8').trim()
    } catch {
      // Not in that one.
    }
  }
  return 'none'
}

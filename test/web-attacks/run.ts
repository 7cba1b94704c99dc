/** Attacks on the way out of a cell to the web, each of them made: how many there are, and how many reached something. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'

/** The outcome of the attacks of one kind. */
export interface KindCount {
  readonly name: string
  readonly stops: string
  readonly cases: number
  /** Attacks that reached something, each in a line. */
  readonly reached: readonly string[]
  /** Why none was made. */
  readonly skipped?: string
}

/** The outcome of all attacks. */
export interface WebAttacks {
  readonly cases: number
  readonly reached: number
  readonly kinds: readonly KindCount[]
  /** The same for connections that go past every gateway: what the count would see of an attack that reached. */
  readonly control: KindCount
}

/** Why the attacks cannot be made here; shown as skipped, never as passed. */
export const CANNOT: string | false = reasonNot()

function reasonNot(): string | false {
  if (process.getuid?.() !== 0) return 'networks of one’s own need root'
  if (spawnSync('ip', ['-V']).status !== 0) return 'iproute2 is not installed'
  const tried = spawnSync('unshare', ['--net', '--mount', '--', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' })
  return tried.status === 0 ? false : `no network of one’s own can be made: ${tried.stderr || tried.error?.message}`
}

const MS_MAX = 550_000

/** The word for the kinds that every run of the tests makes. */
export const QUICK: string = '--quick'

/** Makes the attacks: all, or those of kinds whose name has one of the words (or of `QUICK`). `say` hears of progress. */
export async function webAttacks(words: readonly string[] = [], say?: (line: string) => void): Promise<WebAttacks> {
  const program = join(import.meta.dirname, 'cell-main.ts')
  const child = spawn('unshare', ['--net', '--', process.execPath, program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MS_MAX,
    killSignal: 'SIGKILL',
  })
  let [said, told] = ['', '']
  child.stdout.on('data', (piece: Buffer) => {
    said += piece.toString()
  })
  child.stderr.on('data', (piece: Buffer) => {
    told = (told + piece.toString()).slice(-8_000)
    say?.(piece.toString().trimEnd())
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the attacks ended with ${code}: ${told}`)
  const [control, ...kinds] = JSON.parse(said) as KindCount[] // by `cell-main.ts`
  if (control === undefined) throw new Error('nothing was counted')
  return {
    cases: kinds.reduce((all, { cases }) => all + cases, 0),
    reached: kinds.reduce((all, { reached }) => all + reached.length, 0),
    kinds,
    control,
  }
}

/** Returns a table of the kinds, for whoever reads a test's output. */
export function attackTable({ kinds, cases, reached }: WebAttacks): string {
  const rows = [
    ...kinds.map(({ name, cases: made, reached: found, stops, skipped }) => [
      name,
      `${made}`,
      `${found.length}`,
      skipped ?? stops,
    ]),
    ['all', `${cases}`, `${reached}`, ''],
  ]
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

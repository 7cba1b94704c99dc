/**
 * The inside of the attacks on the web door: a network namespace that is made as a cell’s is, and whose doors it hands to a
 * gateway outside. Makes every attack, and writes what came of them to standard output as JSON. Started by `run.ts`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { listenAnywhere, makeEveryAddressLocal, receiveAnywhere } from '../../src/cells/kernel/sockets.ts'
import { CellSide } from './cell-side.ts'
import { reachedIn } from './judge.ts'
import type { AttackKind } from './kind.ts'
import { CERTIFICATES } from './kinds/certificates.ts'
import { CHANNELS } from './kinds/channels.ts'
import { FETCHED } from './kinds/fetched.ts'
import { HTTP2 } from './kinds/http2.ts'
import { LOADS } from './kinds/loads.ts'
import { PLACES } from './kinds/places.ts'
import { STREAMS } from './kinds/streams.ts'
import { TUNNELLED } from './kinds/tunnelled.ts'
import { WEB_SOCKETS } from './kinds/web-sockets.ts'
import { type KindCount, QUICK } from './run.ts'

const KINDS: readonly AttackKind[] = [
  ...PLACES,
  ...STREAMS,
  HTTP2,
  TUNNELLED,
  WEB_SOCKETS,
  CERTIFICATES,
  ...LOADS,
  ...CHANNELS,
  ...FETCHED,
]

function descriptor(made: ReturnType<typeof listenAnywhere>): number {
  if (!made.ok) throw new Error(`${made.reason.call}: ${made.reason.errno}`)
  return made.value
}

function startOutside(): ChildProcess {
  spawnSync('ip', ['link', 'set', 'lo', 'up'])
  const local = makeEveryAddressLocal()
  if (!local.ok) throw new Error(`${local.reason.call}: ${local.reason.errno}`)
  const doors = [80, 443, 53].map((port) => descriptor(listenAnywhere(port, 256)))
  const names = descriptor(receiveAnywhere(53))
  const program = join(import.meta.dirname, 'outside-main.ts')
  return spawn('unshare', ['--net', '--mount', '--', process.execPath, program], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...doors, names],
  })
}

/** Returns what the outside tells of a connection that the gateway has nothing to do with, and one of an honest request. */
async function control(cell: CellSide): Promise<KindCount> {
  await cell.order({ kind: 'reach', address: '169.254.169.254', port: 80 })
  await cell.order({ kind: 'reach', address: '127.0.0.1', port: 9 })
  const seen = reachedIn(await cell.arrived())
  return { name: 'control', stops: 'nothing', cases: 2, reached: seen }
}

async function count(cell: CellSide, { name, stops, run }: AttackKind): Promise<KindCount> {
  const { cases, reached = [], kept, skipped } = await run(cell)
  const outside = reachedIn(await cell.arrived(), kept)
  await cell.names({})
  return { name, stops, cases, reached: [...reached, ...outside], ...(skipped !== undefined && { skipped }) }
}

const outside = startOutside()
const cell = new CellSide(outside)
await new Promise((resolve, reject) => {
  outside.once('message', resolve)
  outside.once('exit', (code) => reject(new Error(`the outside ended with ${code}`)))
})
outside.removeAllListeners('exit')
await cell.arrived()
const wanted = process.argv.slice(2)
const isWanted = ({ name, isQuick }: AttackKind) =>
  wanted.length === 0 || wanted.some((word) => (word === QUICK ? isQuick === true : name.includes(word)))
const counts: KindCount[] = [await control(cell)]
for (const kind of KINDS.filter(isWanted)) {
  const beganMs = performance.now()
  const counted = await count(cell, kind)
  counts.push(counted)
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(1)
  process.stderr.write(`${kind.name}: ${counted.cases} cases, ${counted.reached.length} reached, ${seconds} s\n`)
}
outside.send({ kind: 'end' })
process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(0))

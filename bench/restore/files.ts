/**
 * How long files take to be put back. `restore10kFilesMs`: a workspace in which a cell has made 10,000 files is restored, from
 * the call to the warden until the files stand there and its labels are marked; each time all of them had been removed
 * before. Beside it what saving takes: how long a live cell stands frozen for it, and until it is on the disk.
 */

import { randomBytes } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { type LinuxWarden, openWarden } from '../../src/cells/linux/launch/warden.ts'
import { CELL_USER } from '../../src/cells/spec.ts'
import { makeCheckpoint, restoreCheckpoint } from '../../src/host/files/checkpoints.ts'
import { newCellId } from '../../src/model/ids.ts'
import { BOUNDS_DEFAULT } from '../../src/recovery/bounds.ts'

const FILES = 10_000
const FILE_BYTES = 2_048
const ROUNDS_MIN = 3

export async function files(untilMs: number, say: (progress: string) => void) {
  const opened = await openWarden()
  if (!opened.ok) throw new Error(`no warden here: ${JSON.stringify(opened.reason)}`)
  const warden = opened.value
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const changes = join(directory, 'workspaces', 'desk')
  mkdirSync(join(directory, 'given'))
  const wanted = { occasion: 'asked', by: 'firebreak', why: 'a bench' } as const
  try {
    say(`${FILES} files of ${FILE_BYTES} bytes`)
    await cellRuns(warden, directory, changes, MAKES)
    const made = await makeCheckpoint(warden, changes, { ...wanted, name: 'whole' }, BOUNDS_DEFAULT)
    if (!made.ok) throw new Error(JSON.stringify(made.reason))
    const { checkpoint } = made.value
    const [restore, save, frozen]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round < ROUNDS_MIN || performance.now() < untilMs; round++) {
      say(`round ${round + 1}`)
      await cellRuns(warden, directory, changes, REMOVES)
      const startMs = performance.now()
      const restored = await restoreCheckpoint(warden, changes, checkpoint)
      restore.push(performance.now() - startMs)
      if (!restored.ok) throw new Error(JSON.stringify(restored.reason))
      await cellRuns(warden, directory, changes, COUNTS, async () => {
        const savedMs = performance.now()
        const live = await makeCheckpoint(measured(warden, frozen), changes, wanted, { keep: 2, bytesMax: 2 ** 40 })
        save.push(performance.now() - savedMs)
        if (!live.ok) throw new Error(JSON.stringify(live.reason))
      })
    }
    return {
      restore10kFilesMs: percentiles(restore),
      saveLiveMs: percentiles(save),
      frozenForItMs: percentiles(frozen),
      restoredBytes: checkpoint.bytes,
      restorations: restore.length,
    }
  } finally {
    await warden.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The same warden; notes how long a cell stands still. */
function measured(warden: LinuxWarden, frozen: number[]): LinuxWarden {
  return {
    ...warden,
    still: (changes, act, after) => {
      const startMs = performance.now()
      return warden.still(changes, act, (done) => {
        frozen.push(performance.now() - startMs)
        return after === undefined ? Promise.resolve(done) : after(done)
      })
    },
  }
}

const LOOP = (what: string) => `const fs=require('fs');for(let i=0;i<${FILES};i++){const d='d'+i%100;${what}}`
const MAKES = LOOP(`fs.mkdirSync(d,{recursive:true});fs.writeFileSync(d+'/'+i,'x'.repeat(${FILE_BYTES}))`)
const REMOVES = `for(const d of require('fs').readdirSync('.'))require('fs').rmSync(d,{recursive:true})`
/** Throws unless every file is there again, whole; then stays for a while, and goes on writing. */
const COUNTS = `${LOOP(`if(fs.readFileSync(d+'/'+i,'utf8')!=='x'.repeat(${FILE_BYTES}))throw new Error(d+'/'+i)`)};
console.log('whole');let n=0;setInterval(()=>fs.writeFileSync('busy',String(n++)),1)`

/** Runs a program in a cell: to its end, or until `meanwhile` is done with one that has said something. */
async function cellRuns(
  warden: LinuxWarden,
  directory: string,
  changes: string,
  program: string,
  meanwhile?: () => Promise<void>,
): Promise<void> {
  const launched = await warden.launch({
    id: newCellId(randomBytes(16)),
    command: ['/opt/node', '-e', program],
    variables: { HOME: CELL_USER.home },
    root: { kind: 'host-usr' },
    files: [{ from: realpathSync(process.execPath), to: '/opt/node' }],
    limits: { memoryBytes: 512 * 1024 ** 2, cpu: 2, pids: 64 },
    ports: [],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
    workspace: { lower: join(directory, 'given'), changes, at: '/work' },
  })
  if (!launched.ok) throw new Error(JSON.stringify(launched.reason))
  const cell = launched.value
  try {
    if (cell.stdio.kind !== 'pipes') throw new Error('pipes were asked for')
    const output = createReadStream('', { fd: cell.stdio.stdout.take() })
    const errors = cell.stdio.stderr
    cell.start()
    if (meanwhile === undefined) {
      const { code } = await cell.exited
      if (code !== 0) throw new Error(`exit ${code}: ${readFileSync(errors.fd, 'utf8')}`)
    } else {
      const said = new Promise((resolve) => output.once('data', resolve))
      const ended = cell.exited.then(() => {
        throw new Error(`it ended: ${readFileSync(errors.fd, 'utf8')}`)
      })
      await Promise.race([said, ended])
      await meanwhile()
      ended.catch(() => undefined)
    }
  } finally {
    await cell.teardown()
  }
}

function percentiles(taken: readonly number[]): { readonly p50: number; readonly p95: number } {
  const sorted = taken.toSorted((a, b) => a - b)
  const at = (part: number): number => Math.round((sorted[Math.floor(sorted.length * part)] ?? Number.NaN) * 10) / 10
  return { p50: at(0.5), p95: at(0.95) }
}

/**
 * The witness's process: `node witness-main.ts [--uid <n>] --directory <dir> --log test=4 --log warden=5`.
 *
 * Each number is an inherited descriptor of a connected stream whose other end only that log's writer holds. It makes
 * its key at the first start, keeps everything in its own directory, and ends when all streams have ended. Logs of one
 * directory may have several such processes, with one key: each locks its own logs, and the directory only while it
 * opens the key.
 */
import { Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { shutProcess, uidArgument } from '../../cells/unprivileged.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import { realDisk } from '../log/disk.ts'
import { faultText } from '../log/fault.ts'
import { originOf } from '../log/ledger.ts'
import { LEDGER_LIMITS } from '../log/limits.ts'
import { lock } from '../log/lock.ts'
import { openSealStore } from './seal-store.ts'
import { serveWriter } from './witness.ts'
import { openWitnessKey } from './witness-key.ts'

const LOCK_EVERY_MS = 20
const LOCK_TRIES = 250

shutProcess(uidArgument(process.argv))
process.umask(0o022)
const { values } = parseArgs({
  options: { uid: { type: 'string' }, directory: { type: 'string' }, log: { type: 'string', multiple: true } },
})
const { directory, log: logs = [] } = values
if (logs.length > LEDGER_LIMITS.witnessLogsMax) {
  stop(`${logs.length} logs are given: one witness serves at most ${LEDGER_LIMITS.witnessLogsMax}`, 2)
}
if (directory === undefined || logs.length === 0) {
  stop('usage: witness-main.ts --directory <dir> --log <name>=<descriptor> …', 2)
}

await realDisk.makeDirectory(directory, 0o755)
const locked = await lockSoon(directory)
if (!locked.ok) stop(faultText(locked.reason), 6)
const opened = await openWitnessKey(directory)
if (!opened.ok) stop(opened.reason, 7)
await locked.value.release()

const served = logs.map(async (argument) => {
  const [name = '', descriptor = ''] = argument.split('=')
  if (!NAME_PATTERN.test(name) || !/^\d{1,4}$/.test(descriptor)) stop(`--log ${argument}: <name>=<descriptor>`, 2)
  await realDisk.makeDirectory(join(directory, name), 0o755)
  const own = await lock(join(directory, name))
  if (!own.ok) stop(faultText(own.reason), 6)
  const store = await openSealStore(realDisk, join(directory, name), opened.value.key)
  if (!store.ok) stop(faultText(store.reason), 7)
  const stream = new Socket({ fd: Number(descriptor), readable: true, writable: true })
  const say = (message: string) => void process.stderr.write(`witness: ${message}\n`)
  await serveWriter(stream, { origin: originOf(name), ...opened.value, store: store.value, nowMs: Date.now, say })
  await store.value.close()
})
await Promise.all(served)
process.exit(0)

/** Locks the directory; another witness holds it for as long as it takes to make a key. */
async function lockSoon(place: string): ReturnType<typeof lock> {
  for (let tries = 1; ; tries++) {
    const held = await lock(place)
    if (held.ok || tries === LOCK_TRIES) return held
    await delay(LOCK_EVERY_MS)
  }
}

function stop(message: string, code: number): never {
  process.stderr.write(`witness: ${message}\n`)
  process.exit(code)
}

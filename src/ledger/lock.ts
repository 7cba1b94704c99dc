import { constants, readFileSync, statSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { no, ok, type Result } from '../model/result.ts'
import { codeOf } from './disk.ts'
import type { LedgerFault } from './fault.ts'

export interface Lock {
  release(): Promise<void>
}

/**
 * One writer for a directory, or the fault that names the other.
 *
 * Two locks, because Node has no flock. A listening abstract socket named after the directory's inode: the kernel grants
 * it to one process of a network namespace and takes it back at its death. And a file with the writer's pid and start
 * time, which is seen from other network namespaces too; it counts only while that very process lives.
 */
export async function lock(directory: string): Promise<Result<Lock, LedgerFault>> {
  const { dev, ino } = statSync(directory)
  const server = createServer((socket) => socket.destroy()).unref()
  const bound = await new Promise<string | undefined>((done) => {
    server.once('error', (error) => done(codeOf(error)))
    server.listen(`\0firebreak-ledger-${dev}-${ino}`, () => done(undefined))
  })
  const path = join(directory, 'lock')
  const close = () => new Promise<void>((done) => server.close(() => done()))
  if (bound !== undefined) return no({ kind: 'locked', directory, by: (await holder(path)) ?? bound })
  const other = await holder(path)
  if (other !== undefined) {
    await close()
    return no({ kind: 'locked', directory, by: other })
  }
  try {
    await writeFile(path, `${process.pid} ${startOf(process.pid)}\n`, { mode: 0o600, flag: OVERWRITE })
  } catch (error) {
    await close()
    throw error
  }
  return ok({
    async release() {
      await writeFile(path, '', { flag: OVERWRITE })
      await close()
    },
  })
}

const OVERWRITE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

/** The process that wrote the lock file, if it is not this one and still lives. */
async function holder(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const [, pid = '', start] = /^(\d{1,10}) (\S+)\n$/.exec(text) ?? []
  if (pid === '' || Number(pid) === process.pid) return undefined
  return startOf(Number(pid)) === start ? `process ${pid}` : undefined
}

/** Boot and start time: together with the pid they name one process for ever. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return undefined
  }
}

/**
 * A user namespace whose only use is its map: mount_setattr(2) shows the files of a workspace's owner as the cell's.
 * A namespace needs a process to be born in; one is kept waiting, so that a launch does not wait for it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { no, ok, type Result } from '../../model/result.ts'
import { type Handle, hold } from '../handle.ts'

export interface Ids {
  readonly uid: number
  readonly gid: number
}

export interface OwnerMaps {
  /** A namespace that shows the ids of `owner` as those of `shown`. */
  take(owner: Ids, shown: Ids): Promise<Result<Handle, string>>
  close(): void
}

export function openOwnerMaps(): OwnerMaps {
  let closed = false
  let waiting: Promise<Result<ChildProcess, string>> | undefined
  const next = (): void => {
    waiting ??= closed ? undefined : bornInNamespace()
  }
  return {
    async take(owner, shown) {
      next()
      // Taken before anything is waited for: each is for one launch, and two may begin at a time.
      const mine = waiting
      waiting = undefined
      const born = await (mine ?? no('the warden is closing'))
      setImmediate(next)
      if (!born.ok) return born
      try {
        writeFileSync(`/proc/${born.value.pid}/uid_map`, idMap(owner.uid, shown.uid))
        writeFileSync(`/proc/${born.value.pid}/gid_map`, idMap(owner.gid, shown.gid))
        return ok(hold(openSync(`/proc/${born.value.pid}/ns/user`, 'r')))
      } catch (error) {
        return no(error instanceof Error ? error.message : String(error))
      } finally {
        born.value.kill('SIGKILL')
      }
    },
    close() {
      closed = true
      void waiting?.then((born) => born.ok && born.value.kill('SIGKILL'))
    },
  }
}

/**
 * Lines "id on disk, id shown, count": `owner` is shown as `shown`, every other id as itself, and a file of `shown` as
 * nobody's, so that it cannot pass for the owner's. user_namespaces(7)
 */
export function idMap(owner: number, shown: number): string {
  const [first, second] = owner < shown ? [owner, shown] : [shown, owner]
  const lines = [
    [0, 0, first],
    [owner, shown, 1],
    [first + 1, first + 1, second - first - 1],
    [second + 1, second + 1, ID_LAST - second],
  ] as const
  return lines
    .filter(([, , count]) => count > 0)
    .map((line) => `${line.join(' ')}\n`)
    .join('')
}

/** (uid_t) -1 is no id. */
const ID_LAST = 2 ** 32 - 2

/** `cat` echoes one byte once it runs, and by then it is in its namespace. It ends with us: its input closes. */
async function bornInNamespace(): Promise<Result<ChildProcess, string>> {
  const child = spawn('unshare', ['--user', 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  })
  child.unref()
  const failed = once(child, 'error').then(([error]) => no(`unshare --user: ${error}`))
  const ended = once(child, 'exit').then(([code]) => no(`unshare --user: exit ${code}`))
  const echoed = once(child.stdout, 'data').then(() => ok(child))
  // Killed once its namespace is taken: what is still buffered for it is of no interest.
  child.stdin.on('error', () => {})
  child.stdin.write('.')
  const born = await Promise.race([echoed, failed, ended])
  for (const stream of [child.stdin, child.stdout])
    if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
  return born
}

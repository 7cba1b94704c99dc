import { existsSync } from 'node:fs'
import { runApart } from '../../../model/host/run-apart.ts'
import { unmount } from '../../kernel/libc.ts'

/**
 * Takes mounts away by a process of their own, as far as they are there, in this order: who takes away the last one of a
 * file system writes out what its cell has left to be written, which can be for as long as that has made it. Where no such
 * program does it, it is done here. Whether it was done mountinfo tells.
 */
export async function unmountApart(...paths: readonly string[]): Promise<void> {
  const there = paths.filter((path) => existsSync(path))
  if (there.length === 0) return
  const done = await runApart('umount', ['-l', '-n', '-i', '-c', '--', ...there])
  if (!done.ok) for (const path of there) unmount(path, true)
}

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** "major:minor" of the whole disk under `path`, as the io controllers want it: they refuse partitions. */
export function diskOf(path: string): string | undefined {
  if (!existsSync(path)) return dirname(path) === path ? undefined : diskOf(dirname(path))
  const { dev } = statSync(path)
  // glibc's encoding, makedev(3): minor in bits 0–7 and 20–31, major in 8–19 (Linux uses no more).
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
  const block = `/sys/dev/block/${major}:${minor}`
  if (existsSync(`${block}/partition`)) return readFileSync(`${block}/../dev`, 'utf8').trim()
  return existsSync(block) ? `${major}:${minor}` : undefined
}

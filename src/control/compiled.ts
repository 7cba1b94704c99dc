import { chmodSync, existsSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/** Where `bin/firebreak` keeps compiled code: beside the packages, so that it goes with them. */
export const COMPILE_CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'firebreak')

/**
 * Lets a service of another uid load the code that we have compiled: a start takes half the time. Node keeps one folder
 * for each uid; the service's is a link to ours, which it can read and not write. What cannot be shared is compiled
 * again: nothing depends on it.
 */
export function shareCompiled(uid: number | undefined): void {
  const own = process.getuid?.()
  if (uid === undefined || own === undefined || !existsSync(COMPILE_CACHE)) return
  try {
    for (const folder of readdirSync(COMPILE_CACHE).filter((name) => name.endsWith(`-${own}`))) {
      const link = join(COMPILE_CACHE, `${folder.slice(0, -`${own}`.length)}${uid}`)
      if (existsSync(link)) continue
      for (const file of readdirSync(join(COMPILE_CACHE, folder))) readable(join(COMPILE_CACHE, folder, file))
      symlinkSync(folder, link)
    }
  } catch {
    // A read-only installation, or another run at the same moment.
  }
}

function readable(file: string): void {
  if ((statSync(file).mode & 0o004) === 0) chmodSync(file, 0o644)
}

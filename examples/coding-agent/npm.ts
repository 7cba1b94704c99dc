import { realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'

/**
 * Returns the directory of npm's own package, wherever this host has it: a cell runs it with the Node that it is shown.
 *
 * @throws {Error} on a host without npm.
 */
export function npmPackage(): string {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      const real = realpathSync(join(folder, 'npm'))
      if (real.endsWith('/bin/npm-cli.js')) return dirname(dirname(real))
    } catch {
      // The next one may have it.
    }
  }
  throw new Error('there is no npm on PATH')
}

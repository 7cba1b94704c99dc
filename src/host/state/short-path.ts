import { closeSync, constants, openSync } from 'node:fs'
import { no, ok, type Result } from '../../model/index.ts'

/** A directory, under a name that is short whatever its path is. */
export interface ShortPath {
  /** Returns a path that is good in this process alone, until `close`. */
  readonly at: (name: string) => string
  readonly close: () => void
}

/** Opens a directory under a short name: the address of a socket takes 107 bytes, unix(7), and a path 4,095. */
export function shortPath(directory: string): Result<ShortPath, NodeJS.ErrnoException> {
  try {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
    let open = true
    return ok({
      at: (name) => `/proc/self/fd/${fd}/${name}`,
      close: () => {
        if (open) closeSync(fd)
        open = false
      },
    })
  } catch (error) {
    return no(error as NodeJS.ErrnoException) // node:fs throws nothing else
  }
}

import { closeSync } from 'node:fs'

/**
 * A descriptor with one owner.
 *
 * - H1  It is closed once, however often `close` is called: a number closed twice may be somebody else's by then.
 * - H2  After `take` the caller owns the number and this handle never closes it.
 */
export interface Handle {
  readonly fd: number
  readonly open: boolean
  take(): number
  close(): void
}

export function hold(fd: number): Handle {
  let open = true
  return {
    get fd() {
      if (!open) throw new Error('a closed or taken descriptor was used')
      return fd
    },
    get open() {
      return open
    },
    take() {
      if (!open) throw new Error('a closed or taken descriptor was taken')
      open = false
      return fd
    },
    close() {
      if (!open) return
      open = false
      closeSync(fd)
    },
  }
}

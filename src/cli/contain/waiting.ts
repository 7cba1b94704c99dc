import type { Printer } from '../command.ts'

/** Tells a person to whom an order says nothing for a while how much of it is still there, and for how long. */
export interface Waiting {
  /**
   * Begins to wait for `what`, which tells how many of what; it is over `boundMs` after the last word at the latest, or
   * where nothing is said, when a disk has answered.
   */
  readonly begin: (what: () => string, boundMs?: number) => void
  /** Takes note of a word: what is left has its whole time again. */
  readonly heard: () => void
  readonly over: () => void
}

/** Milliseconds between two words to a person: two seconds, less what a loaded host may be late by. */
const SAID_MS_MAX = 1_700
const LOOK_MS = 100

export function waitingAloud(print: Pick<Printer, 'progress'>): Waiting {
  // Since this process began: what it took to be here is waited for, too.
  let said = 0
  let until = 0
  let boundMs: number | undefined
  let what: (() => string) | undefined
  const heard = () => {
    said = performance.now()
    until = Date.now() + (boundMs ?? 0)
  }
  const timer = setInterval(() => {
    if (what === undefined || performance.now() - said < SAID_MS_MAX) return
    said = performance.now()
    const end = boundMs === undefined ? '' : `, until ${new Date(until).toISOString().slice(11, 19)} UTC at the latest`
    print.progress(`still there: ${what()}${end}`)
  }, LOOK_MS)
  timer.unref()
  return {
    begin: (next, ms) => {
      what = next
      boundMs = ms
      until = Date.now() + (ms ?? 0)
    },
    heard,
    over: () => clearInterval(timer),
  }
}

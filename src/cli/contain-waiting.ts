import type { Printer } from './command.ts'

/** Tells a person to whom an order says nothing for a while how much of it is still there, and for how long. */
export interface Waiting {
  /** Begins to wait for `what`, which tells how many of what; it is over `boundMs` after the last word at the latest. */
  readonly begin: (what: () => string, boundMs: number) => void
  /** Takes note of a word: what is left has its whole time again. */
  readonly heard: () => void
  readonly over: () => void
}

/** Milliseconds between two words to a person: two seconds, less what a loaded host may be late by. */
const SAID_MS_MAX = 1_700
const LOOK_MS = 100

export function waitingAloud(print: Pick<Printer, 'progress'>): Waiting {
  let said = performance.now()
  let until = 0
  let boundMs = 0
  let what: (() => string) | undefined
  const heard = () => {
    said = performance.now()
    until = Date.now() + boundMs
  }
  const timer = setInterval(() => {
    if (what === undefined || performance.now() - said < SAID_MS_MAX) return
    said = performance.now()
    print.progress(`still there: ${what()}, until ${new Date(until).toISOString().slice(11, 19)} UTC at the latest`)
  }, LOOK_MS)
  timer.unref()
  return {
    begin: (next, ms) => {
      what = next
      boundMs = ms
      until = Date.now() + ms
    },
    heard,
    over: () => clearInterval(timer),
  }
}

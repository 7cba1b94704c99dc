import { readFileSync } from 'node:fs'
import type { JudgedChange } from './change.ts'
import type { Trees } from './walk.ts'

/**
 * The trees in a helper cell, and the arguments that it was started with: `<sinceMs> [disk bytes]`, and what has
 * landed.
 */
export function treesHere(landed: ReadonlyMap<string, string>): Trees {
  const [sinceMs = 0, diskBytes] = process.argv.slice(2).map(Number)
  return {
    lower: '/lower',
    upper: '/upper',
    merged: '/merged',
    sinceMs,
    landed,
    ...(diskBytes !== undefined && { diskBytes }),
  }
}

/**
 * Returns standard input of a helper, one JSON value a line: an object is wanted, a pair is what a landing has left. It is
 * read to its end, whenever that is written: nothing here may import `node:process`, which opens standard input as a pipe
 * that does not block (`process` is there without).
 */
export function asked(): { readonly wanted: readonly JudgedChange[]; readonly landed: ReadonlyMap<string, string> } {
  const wanted: JudgedChange[] = []
  const landed = new Map<string, string>()
  for (const line of readFileSync(0, 'utf8').split('\n')) {
    const value: unknown = line === '' ? undefined : JSON.parse(line)
    if (Array.isArray(value)) landed.set(String(value[0]), String(value[1]))
    else if (value !== undefined) wanted.push(value as JudgedChange) // as the warden has written it
  }
  return { wanted, landed }
}

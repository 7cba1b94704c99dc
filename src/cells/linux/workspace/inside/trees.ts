import { Buffer } from 'node:buffer'
import { readSync } from 'node:fs'
import process from 'node:process'
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

/** Standard input of a helper, one JSON value a line: a path is wanted, a pair is what a landing has left. */
export function asked(): { readonly wanted: readonly string[]; readonly landed: ReadonlyMap<string, string> } {
  const wanted: string[] = []
  const landed = new Map<string, string>()
  for (const line of standardInput().split('\n')) {
    const value: unknown = line === '' ? undefined : JSON.parse(line)
    if (typeof value === 'string') wanted.push(value)
    else if (Array.isArray(value)) landed.set(String(value[0]), String(value[1]))
  }
  return { wanted, landed }
}

/** Returns all of standard input. It is a pipe that does not block: what is not written yet is waited for. */
function standardInput(): string {
  const pieces: Buffer[] = []
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const piece = Buffer.alloc(65_536)
    try {
      const bytes = readSync(0, piece)
      if (bytes === 0) return Buffer.concat(pieces).toString('utf8')
      pieces.push(piece.subarray(0, bytes))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(pause, 0, 0, 5)
    }
  }
}

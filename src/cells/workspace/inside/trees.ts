import process from 'node:process'
import type { Trees } from './walk.ts'

/** Where a helper cell has the trees, with what it was started with: `<sinceMs> [disk bytes]`. */
export function treesHere(): Trees {
  const [sinceMs = 0, diskBytes] = process.argv.slice(2).map(Number)
  return {
    lower: '/lower',
    upper: '/upper',
    merged: '/merged',
    sinceMs,
    ...(diskBytes !== undefined && { diskBytes }),
  }
}

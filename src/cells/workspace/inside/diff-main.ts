/** In a helper cell: says every change on standard output. `diff-main.ts <sinceMs> [disk bytes]` */
import process from 'node:process'
import { say } from './say.ts'
import { walk } from './walk.ts'

const [sinceMs, diskBytes] = process.argv.slice(2).map(Number)
const trees = {
  lower: '/lower',
  upper: '/upper',
  merged: '/merged',
  sinceMs: sinceMs ?? 0,
  ...(diskBytes === undefined ? {} : { diskBytes }),
}
const complete = walk(trees, say)
say({ end: true, truncated: !complete })

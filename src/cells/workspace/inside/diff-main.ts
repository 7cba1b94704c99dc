/** In a helper cell: says every change on standard output. `diff-main.ts <sinceMs>` */
import process from 'node:process'
import { say } from './say.ts'
import { walk } from './walk.ts'

const trees = { lower: '/lower', upper: '/upper', merged: '/merged', sinceMs: Number(process.argv[2]) }
const complete = walk(trees, say)
say({ end: true, truncated: !complete })

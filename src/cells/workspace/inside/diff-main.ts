/** In a helper cell: says every change on standard output. `diff-main.ts <sinceMs>` */
import { writeSync } from 'node:fs'
import process from 'node:process'
import { walk } from './walk.ts'

const say = (line: object): void => {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at)
}
const trees = { lower: '/lower', upper: '/upper', merged: '/merged', sinceMs: Number(process.argv[2]) }
const complete = walk(trees, say)
say({ end: true, truncated: !complete })

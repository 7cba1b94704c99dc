/**
 * In a helper cell that runs as the owner of the directory: lands the named changes in /target. The names come on
 * standard input, one JSON string a line, from a person's choice; whether each is a change, and which, is looked up
 * again here.
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { land } from './land.ts'
import { say } from './say.ts'

const wanted = readFileSync(0, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): unknown => JSON.parse(line))
  .filter((path) => typeof path === 'string')
const [sinceMs, diskBytes] = process.argv.slice(2).map(Number)
const trees = {
  lower: '/lower',
  upper: '/upper',
  merged: '/merged',
  sinceMs: sinceMs ?? 0,
  ...(diskBytes === undefined ? {} : { diskBytes }),
}
land(trees, '/target', wanted, say)
say({ end: true, truncated: false })

/**
 * In a helper cell that runs as the owner of the directory: lands the named changes in /target. The names come on
 * standard input, one JSON string a line, from a person's choice; whether each is a change, and which, is looked up
 * again here.
 */
import { readFileSync } from 'node:fs'
import { land } from './land.ts'
import { say } from './say.ts'
import { treesHere } from './trees.ts'

const wanted = readFileSync(0, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): unknown => JSON.parse(line))
  .filter((path) => typeof path === 'string')
land(treesHere(), '/target', wanted, say)
say({ end: true, truncated: false })

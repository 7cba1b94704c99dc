/**
 * The program of a helper cell, run as the owner of the directory, that lands the named changes in /target. The names
 * come on standard input, one JSON string a line, from a person's choice; whether each is a change, and which, is
 * looked up again here.
 */
import { land } from './land.ts'
import { say } from './say.ts'
import { asked, treesHere } from './trees.ts'

const { wanted, landed } = asked()
land(treesHere(landed), '/target', wanted, say)
say({ end: true, truncated: false })

/**
 * The program of a helper cell, run as the owner of the directory, that lands the chosen changes in /target. They
 * come on standard input as they were judged, one JSON object a line; whether each is still that change is looked up
 * again here.
 */
import { land } from './land.ts'
import { say } from './say.ts'
import { asked, treesHere } from './trees.ts'

const { wanted, landed } = asked()
land(treesHere(landed), '/target', wanted, say)
say({ end: true, truncated: false })

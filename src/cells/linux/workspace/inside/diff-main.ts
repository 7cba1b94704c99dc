/** The program of a helper cell that says every change on standard output. `diff-main.ts <sinceMs> [disk bytes]` */
import { say } from './say.ts'
import { asked, treesHere } from './trees.ts'
import { walk } from './walk.ts'

const complete = walk(treesHere(asked().landed), say)
say({ end: true, truncated: !complete })

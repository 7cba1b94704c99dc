// npm start: installs what is missing, then runs the refund desk to its end.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { pinnedNode, root, setUp } from './setup.js'

setUp()
const desk = join(root, 'examples', 'refund-desk', 'start.ts')
const { status } = spawnSync(pinnedNode(), [desk, ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(status ?? 1)

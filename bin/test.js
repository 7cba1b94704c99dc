// npm test: installs what is missing, then runs every test on the pinned Node. Arguments are test files or globs.
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { pinnedNode, root, setUp } from './setup.js'

setUp()
const asked = process.argv.slice(2)
const files = asked.length > 0 ? asked : ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts']
const { status } = spawnSync(pinnedNode(), ['--test', '--test-concurrency=2', '--test-timeout=120000', ...files], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(status ?? 1)

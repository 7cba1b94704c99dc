import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'

/** Files of ours that a process loads, told at its end; the packages that it loads are not counted. */
const COUNTING = `import { registerHooks } from 'node:module'
let count = 0
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:') && !url.includes('/node_modules/')) count++
    return next(url, context)
  },
})
process.on('exit', () => process.stderr.write('files: ' + count))`

function filesLoaded(...args: readonly string[]): number {
  const counting = `data:text/javascript,${encodeURIComponent(COUNTING)}`
  const { stderr } = spawnSync(
    process.execPath,
    ['--import', counting, join(import.meta.dirname, 'main.ts'), ...args],
    {
      encoding: 'utf8',
      timeout: 60_000,
    },
  )
  const [, count] = /files: (\d+)$/.exec(stderr) ?? []
  assert.ok(count !== undefined, stderr)
  return Number(count)
}

// Before commands were loaded one by one, these were 432 and 282 files.
it('the overview loads no command, and a stop loads neither a run nor a policy engine', () => {
  assert.ok(filesLoaded('--help') < 60)
  assert.ok(filesLoaded('contain', '--help') < 141)
})

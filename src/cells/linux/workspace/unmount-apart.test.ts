import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { unmountApart } from './unmount-apart.ts'

const SKIP = process.getuid?.() === 0 ? false : 'mounting needs root'

it('S8: what is mounted is taken away, and what is not is no fault', { skip: SKIP }, async () => {
  const [one, none] = ['one', 'none'].map((name) => join(temporaryDirectory(), name))
  mkdirSync(one ?? '')
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'firebreak-test', one ?? ''], { encoding: 'utf8' })
  assert.equal(mounted.status, 0, mounted.stderr)
  writeFileSync(join(one ?? '', 'file'), '')
  await unmountApart(none ?? '', one ?? '')
  assert.ok(!existsSync(join(one ?? '', 'file')))
})

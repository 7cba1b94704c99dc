import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { removeTrees } from './remove-tree.ts'

it('S8: what a cell has written is removed', async () => {
  const tree = join(temporaryDirectory(), 'upper')
  mkdirSync(join(tree, 'a/b'), { recursive: true })
  writeFileSync(join(tree, 'a/one'), '')
  for (let i = 0; i < 500; i++) linkSync(join(tree, 'a/one'), join(tree, `a/b/-${i}`))
  assert.deepEqual(await removeTrees([tree, join(tree, 'none')]), { ok: true, value: undefined })
  assert.ok(!existsSync(tree))
  assert.ok((await removeTrees([tree])).ok, 'nothing is there')
})

it('a directory that its cell has shut is removed by who is not root, too', async () => {
  const base = temporaryDirectory()
  const tree = join(base, 'upper')
  mkdirSync(join(tree, 'shut'), { recursive: true })
  writeFileSync(join(tree, 'shut/a'), '')
  const uid = process.geteuid?.()
  if (uid === 0)
    for (const path of [base, tree, join(tree, 'shut'), join(tree, 'shut/a')]) chownSync(path, 65_534, 65_534)
  chmodSync(join(tree, 'shut'), 0)
  if (uid === 0) process.seteuid?.(65_534)
  try {
    assert.deepEqual(await removeTrees([tree]), { ok: true, value: undefined })
  } finally {
    if (uid === 0) process.seteuid?.(0)
  }
  assert.ok(!existsSync(tree))
})

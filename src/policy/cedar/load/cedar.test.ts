import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Cedar } from './cedar.ts'
import type { CedarCall } from './cedar-worker.ts'

const asked = (text: string): CedarCall => ['policyToJson', text]
const FORBID = 'forbid(principal, action, resource);'

it('questions that are asked of one thread at a time each get their own answers, also beside one that kills it', async () => {
  await using cedar = new Cedar({ timeoutMs: 60_000 })
  const deep = `forbid(principal, action, resource) when { ${'!'.repeat(200_000)}true };`
  const [one, died, three] = await Promise.all([
    cedar.call([asked(FORBID), asked('nonsense')]),
    cedar.call([asked(deep)]),
    cedar.call([asked(FORBID)]),
  ])
  assert.deepEqual([one.length, died.length, three.length], [2, 1, 1])
  const type = ([outcome]: typeof one) => outcome && 'answer' in outcome && (outcome.answer as { type: string }).type
  assert.deepEqual([type(one), type(three)], ['success', 'success'])
  assert.notEqual(type(died), 'success')
})

it('an answer that came while its asker stood still for longer than its time is heard', async () => {
  await using cedar = new Cedar({ timeoutMs: 1_000 })
  // Its start may take longer than that.
  for (let isThere = false; !isThere; ) isThere = 'answer' in ((await cedar.call([asked(FORBID)]))[0] ?? {})
  // After this turn, timers come before messages.
  await turn()
  const answer = cedar.call([asked(FORBID)])
  for (let i = 0; i < 100; i++) await undefined
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000)
  const [outcome] = await answer
  assert.ok(outcome && 'answer' in outcome, JSON.stringify(outcome))
})

it('a thread that has nothing to do does not keep its process', () => {
  const asking = `import { Cedar } from ${JSON.stringify(join(import.meta.dirname, 'cedar.ts'))}
    const [outcome] = await new Cedar({ timeoutMs: 60_000 }).call([['policyToJson', ${JSON.stringify(FORBID)}]])
    console.log('answer' in outcome)`
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', asking], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  assert.deepEqual([stdout, status], ['true\n', 0], stderr)
})

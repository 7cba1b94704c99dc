import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { readTarget } from '../../web/request-target.ts'
import { ModelDesk } from './model-desk.ts'
import { judgeModelJob, type ModelJob } from './model-work.ts'

/** A request of claude whose conversation has so many turns. */
function job(turns: number, more: object = {}): ModelJob {
  const messages = Array.from({ length: turns }, (_, i) => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: `turn ${i} "${'x\n'.repeat(500)}"`,
  }))
  const target = readTarget('/v1/messages?beta=true')
  assert.ok(target.ok)
  return {
    provider: 'anthropic',
    method: 'POST',
    target: target.value,
    headers: [['content-type', 'application/json']],
    hasBody: true,
    bytes: new TextEncoder().encode(JSON.stringify({ model: 'claude-haiku-4-5', messages, ...more })),
    granted: [],
    outputTokens: new Map([['claude-haiku-4-5', 7_000]]),
  }
}

describe('the desk of models', () => {
  it('judges a long conversation in a thread as it would here, and sends the same bytes', async () => {
    const desk = new ModelDesk()
    try {
      const [there, here] = [await desk.read('c', job(2_000)), judgeModelJob(job(2_000))]
      assert.ok(there.ok && there.value.ok && here.ok && here.value.ok)
      const { sent, ...asked } = there.value.value
      const { sent: ours, ...expected } = here.value.value
      assert.deepEqual(asked, expected)
      assert.equal(asked.outputTokensMax, 7_000)
      assert.equal(Buffer.compare(sent.body ?? Buffer.alloc(0), ours.body ?? Buffer.alloc(0)), 0)
      assert.ok((sent.body?.length ?? 0) > 2_000_000)
    } finally {
      desk.close()
    }
  })

  it('tells the fault of a long one as of a short one', async () => {
    const desk = new ModelDesk()
    try {
      for (const turns of [1, 2_000]) {
        const judged = await desk.read('c', job(turns, { webhook: 'https://evil.example' }))
        assert.ok(judged.ok && !judged.value.ok)
        assert.deepEqual(judged.value.reason, { kind: 'request', path: '$.webhook', problem: 'is not known here' })
      }
    } finally {
      desk.close()
    }
  })

  it('refuses a request whose thread ends, and judges the next', async () => {
    const program = join(temporaryDirectory(), 'ends.mjs')
    writeFileSync(
      program,
      "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => process.exit(1))\n",
    )
    const desk = new ModelDesk(program)
    try {
      const ended = await desk.read('c', job(2_000))
      assert.deepEqual(ended, {
        ok: false,
        reason: 'reading it took too long, or more memory than there is for it',
      })
      assert.equal((await desk.read('c', job(1))).ok, true)
    } finally {
      desk.close()
    }
  })
})

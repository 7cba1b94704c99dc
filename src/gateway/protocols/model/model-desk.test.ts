import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { environmentName, type ModelTerms, upstreamName } from '../../../model/index.ts'
import { openSecrets } from '../../content/secrets.ts'
import type { UpstreamSetup } from '../../link/setup.ts'
import { readTarget } from '../../web/request-target.ts'
import type { DialOptions, LineOptions } from '../protocol.ts'
import { MODEL } from './index.ts'
import type { ModelLine } from './line.ts'
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
    injected: [],
    limits: new Map([['claude-haiku-4-5', { inputTokensMax: 9_000_000, outputTokensMax: 7_000 }]]),
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
        assert.deepEqual(judged.value.reason, { path: '$.webhook', problem: 'is not known here' })
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
    const desk = new ModelDesk({ program })
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

  it('is one for all lines of a gateway, and its threads end when they have nothing to read', async () => {
    const secrets = openSecrets(new Map())
    assert.ok(secrets.ok)
    const dial = MODEL.dialler({ secrets: secrets.value, elsewhere: [] } as unknown as DialOptions)
    const open = (number: number) => {
      const server = { kind: 'origin', url: 'https://a.example', headers: [], secrets: [], model: TERMS } as const
      const setup = { name: upstreamName('m'), server, tools: [] } as unknown as UpstreamSetup
      return dial(setup, { environment: environmentName('test'), number } as LineOptions) as ModelLine
    }
    assert.equal(open(1).desk, open(2).desk)

    const desk = new ModelDesk({ idleMs: 1 })
    for (let i = 0; i < 2; i++) {
      const [one, other] = await Promise.all([desk.read('a', job(2_000)), desk.read('b', job(2_000))])
      assert.ok(one.ok && other.ok)
      await until('no thread is left', () => desk.threads === 0)
    }
  })
})

const TERMS: ModelTerms = { provider: 'anthropic', models: ['*'], prices: new Map(), kept: false }

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { no, ok } from '../../model/index.ts'
import { type EnforcementPoint, orderAll } from './containment.ts'

const point = (change: Partial<EnforcementPoint>): EnforcementPoint => ({
  name: 'gate',
  by: 'gateway',
  boundMs: 40,
  order: () => Promise.resolve(ok('done')),
  ...change,
})
const never = () => new Promise<never>(() => undefined)

describe('S8: an order to every enforcement point', () => {
  it('goes out to all at once: one that is slow delays none', async () => {
    const ordered: string[] = []
    const slow = point({
      name: 'slow',
      boundMs: 500,
      order: async () => {
        ordered.push('slow')
        await new Promise((done) => setTimeout(done, 60))
        return ok('late')
      },
    })
    const quick = point({
      name: 'quick',
      order: async () => {
        ordered.push('quick')
        return ok('at once')
      },
    })
    const heard: string[] = []
    const all = await orderAll([slow, quick], ({ point }) => heard.push(point))
    assert.deepEqual(ordered, ['slow', 'quick'])
    assert.deepEqual(heard, ['quick', 'slow'])
    assert.ok(all.every(({ confirmed, escalated }) => confirmed && !escalated))
  })

  for (const [how, order] of [
    ['hangs', never],
    ['refuses', () => Promise.resolve(no('it will not'))],
    ['dies', () => Promise.reject(new Error('broken pipe'))],
    [
      'throws',
      () => {
        throw new Error('at once')
      },
    ],
  ] as const) {
    it(`one that ${how} is escalated, and confirmed only by what ended it`, async () => {
      const [ended] = await orderAll([
        point({ order, escalate: () => Promise.resolve(ok('the kernel says it is gone')) }),
      ])
      assert.ok(ended?.confirmed && ended.escalated)
      assert.match(ended.said, /; the kernel says it is gone$/)
      const [stands] = await orderAll([point({ order, escalate: () => Promise.resolve(no('still there')) })])
      assert.equal(stands?.confirmed, false)
      const [alone] = await orderAll([point({ order })])
      assert.deepEqual([alone?.confirmed, alone?.escalated], [false, false])
    })
  }
})

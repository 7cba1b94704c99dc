import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { asked, CLAUDE, MESSAGES } from '../../../../test/kit/model-requests.ts'
import { Room } from '../../fairness/room.ts'
import { ModelAnswers } from './answer.ts'
import { modelPrices } from './prices.ts'
import { ANTHROPIC } from './providers/anthropic.ts'

const BODY = JSON.stringify({
  type: 'message',
  model: 'claude-opus-5-5',
  content: [{ type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls' } }],
  usage: { input_tokens: 1_000_000, output_tokens: 0 },
})

/** Returns what an answer of a status tells that has ended, or broken off. */
function told(status: number, whole: boolean) {
  const room = new Room(1_000_000)
  const answers = new ModelAnswers({
    asked: asked(ANTHROPIC, MESSAGES, CLAUDE),
    prices: modelPrices(),
    kept: true,
    room,
  })
  answers.begin({ status, headers: [['content-type', 'application/json']] })
  answers.push(Buffer.from(BODY))
  const end = answers.end(whole)
  assert.ok(room.take(1_000_000), 'what was kept is given back')
  return { tokens: end.counted?.tokens, units: end.spent?.units }
}

it('an answer that is too long to be kept, or for which there is no room, says so in its outcome', () => {
  const of = (kept: boolean, room: Room, bytes: number) => {
    const answers = new ModelAnswers({ asked: asked(ANTHROPIC, MESSAGES, CLAUDE), prices: modelPrices(), kept, room })
    answers.begin({ status: 500, headers: [] })
    answers.push(new Uint8Array(bytes))
    const { note, bytes: all } = answers.end(true)
    return [note !== undefined, all?.length]
  }
  assert.deepEqual(of(true, new Room(10_000_000), 100), [false, 100])
  assert.deepEqual(of(true, new Room(10_000_000), 4_194_305), [true, undefined])
  assert.deepEqual(of(true, new Room(10), 100), [true, undefined])
  assert.deepEqual(of(false, new Room(10), 100), [false, undefined], 'where nothing is kept, nothing is missed')
})

describe('MA1: what an answer of a model is charged', () => {
  it('is its usage, at the prices that it was reserved by', () => {
    assert.deepEqual(told(200, true), { tokens: 1_000_000, units: 40_000n })
  })

  it('stays what was reserved, where it broke off after its usage, or failed after it may have begun', () => {
    for (const [status, whole] of [
      [200, false],
      [400, false],
      [500, true],
      [502, true],
      [529, false],
    ] as const)
      assert.deepEqual(told(status, whole), { tokens: undefined, units: undefined }, `${status} ${whole}`)
  })

  it('is nothing, where a provider refused it, or was too busy to begin', () => {
    for (const status of [400, 401, 429, 503, 529])
      assert.deepEqual(told(status, true), { tokens: 0, units: 0n }, `${status}`)
  })
})

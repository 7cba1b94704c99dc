import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import { writeConfig } from '../../../test/kit/config-text.ts'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { environmentName } from '../../model/index.ts'
import { followedSetup, gatewaySetup, judgeConfig } from './setup.ts'

const TEST = environmentName('test')

/** Returns a configuration with agents of these names, in this order. */
async function judgedWith(...names: readonly string[]) {
  const agents = Object.fromEntries(names.map((name) => [name, { grants: [] }]))
  const loaded = await loadConfig(writeConfig(temporaryDirectory(), { upstreams: {}, agents }), {
    node: process.execPath,
  })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const judged = await judgeConfig(loaded.value, undefined, parseHere)
  assert.ok(judged.ok, JSON.stringify(judged))
  return judged.value
}

describe('the setup of a gateway that serves', () => {
  it('keeps the number of each agent, whatever stands before it in another configuration, or is gone', async () => {
    const first = gatewaySetup(await judgedWith('alpha', 'beta'), TEST)
    const second = followedSetup(first, await judgedWith('gamma', 'beta'))
    const third = followedSetup(second, await judgedWith('beta', 'alpha', 'delta'))
    assert.deepEqual(
      [first, second, third].map(({ numbered }) => numbered),
      [
        ['alpha', 'beta'],
        ['alpha', 'beta', 'gamma'],
        ['alpha', 'beta', 'gamma', 'delta'],
      ],
    )
    assert.deepEqual(
      third.agents.map(({ name }) => name),
      ['beta', 'alpha', 'delta'],
    )
  })
})

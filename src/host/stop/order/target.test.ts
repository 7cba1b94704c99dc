import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import { writeConfig } from '../../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { loadConfig } from '../../../config/load.ts'
import type { TargetKind } from './stop-ask.ts'
import { targetOf } from './target.ts'

describe('S8: whom an order means', () => {
  it('a name that is several things is nobody before a person says which, and its kind before it does', async () => {
    const agent = (environment: string) => ({ environment, grants: [], command: ['/usr/bin/true'] })
    const file = writeConfig(temporaryDirectory(), {
      environments: { test: {}, live: {} },
      upstreams: {},
      agents: { test: agent('live'), desk: agent('test') },
    })
    const loaded = await loadConfig(file, { node: process.execPath })
    assert.ok(loaded.ok, JSON.stringify(loaded))
    const meant = (name: string) => {
      const kinds = new Set<TargetKind>()
      return [targetOf(name, loaded.value, kinds), [...kinds]]
    }
    assert.deepEqual(meant('test'), [undefined, ['agent', 'environment']])
    for (const [name, kind] of [
      ['test', 'agent'],
      ['test', 'environment'],
      ['maria.silva@shop.example', 'owner'],
    ] as const)
      assert.deepEqual(meant(`${kind}:${name}`), [{ kind, name }, [kind]])
    assert.deepEqual(meant('desk'), [{ kind: 'agent', name: 'desk' }, ['agent']])
    for (const none of ['environment:desk', 'agent:', 'cell:test', 'typo'])
      assert.deepEqual(meant(none), [undefined, []])
  })
})

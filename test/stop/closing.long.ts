/** A host that goes down while a change of its configuration takes longer than it waits: `npm run test:long`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../../src/config/load.ts'
import { Host } from '../../src/host/host.ts'
import { judgeConfig } from '../../src/host/prepare/setup.ts'
import type { Unwritten } from '../../src/host/stop/fence-again.ts'
import { environmentName } from '../../src/model/index.ts'
import { SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

it('S8: an order that no fence has is told also by an environment that a change is closing', {
  skip: SKIP,
}, async () => {
  const directory = temporaryDirectory()
  const file = writeConfig(directory, {
    environments: { test: {} },
    upstreams: {},
    agents: { desk: { command: ['/usr/bin/true'] } },
  })
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const judged = await judgeConfig(loaded.value)
  assert.ok(judged.ok, JSON.stringify(judged))
  const host = new Host({ judged: judged.value, stateDirectory: join(directory, 'state') })
  const opened = await host.environment(environmentName('test'))
  assert.ok(opened.ok, JSON.stringify(opened))
  const run = opened.value
  const unwritten = { agents: [], problem: 'the disk is full' } as unknown as Unwritten // only passed on
  const endClose = run.endClose.bind(run)
  run.endClose = async (why) => [...(await endClose(why)), unwritten]
  const recorded = Promise.withResolvers<void>()
  const changed = host.changing((change) => change.close(environmentName('test'), () => recorded.promise))
  const closed = host.close('the test has ended')
  await delay(17_000)
  recorded.resolve()
  assert.deepEqual(await closed, [unwritten])
  await changed
})

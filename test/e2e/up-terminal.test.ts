/** A run on a person's terminal, in its own process and through a host: another size, and the key that ends it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { resizeTerminal } from '../../src/cells/linux/streams/terminal.ts'
import { SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { HELD, hostUp } from '../kit/host-up.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { exitOf, shellOn, terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'

const PROGRAM = `trap 'stty size' WINCH; stty size; echo ready; while :; do sleep 0.05; done`

describe('a run on a terminal', { skip: SKIP }, () => {
  for (const held of HELD)
    it(`hears of another size, and ends at Ctrl-C, ${held}`, async () => {
      const directory = temporaryDirectory()
      const state = join(directory, 'state')
      const config = writeConfig(directory, { upstreams: {}, agents: { alpha: { grants: [] } } })
      if (held === 'through a host') await hostUp(['--config', config, '--state', state])
      const person = terminal()
      const run = `firebreak run --agent alpha --config "$CONFIG" --state "$STATE" -- sh -c "$PROGRAM"`
      const exited = exitOf(shellOn(person, run, { CONFIG: config, STATE: state, PROGRAM }))
      await until('it runs', () => person.shown().includes('ready'))
      assert.match(person.shown(), /^40 200\r+$/m)
      resizeTerminal(person.fd, 123, 45)
      await until('it has the other size', () => /^45 123\r+$/m.test(person.shown()))
      person.type('\u0003')
      assert.equal(await exited, 130)
    })
})

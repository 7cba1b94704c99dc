import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { linuxCensus } from '../../src/cells/linux/census.ts'
import { linux } from '../../src/cells/linux/driver.ts'
import { SKIP } from '../escape/kit.ts'
import { contract } from './contract.ts'

contract(
  {
    driver: linux,
    census: linuxCensus,
    commands: {
      hello: ['/bin/sh', '-c', 'echo hello; exit 3'],
      ticks: ['/bin/sh', '-c', 'while :; do echo tick; sleep 0.02; done'],
    },
    async leaveDead(spec) {
      const program = join(import.meta.dirname, 'dying-warden.ts')
      const child = spawn(process.execPath, [program, JSON.stringify(spec)], { stdio: ['ignore', 'pipe', 'inherit'] })
      assert.ok(child.stdout)
      const [line] = await once(child.stdout, 'data')
      const { runDirectory }: { readonly runDirectory: string } = JSON.parse(String(line))
      child.kill('SIGKILL')
      await once(child, 'exit')
      return { runDirectories: [runDirectory] }
    },
  },
  SKIP,
)

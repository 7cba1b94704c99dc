/** S9: nobody is let go on a terminal that a cell can write to, whoever types there. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { newTerminal } from '../../src/cells/libc.ts'
import { repository, SKIP } from '../kit/command-line.ts'
import { cleanUp } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA, desk, fenced } from './kit.ts'

describe('S9: the terminal of a run', { skip: SKIP }, () => {
  it('releases and approves nothing; another one does', async () => {
    const shared = await desk()
    const own = ['--config', shared.config, '--state', shared.state]
    const [ofRun, ofPerson] = [terminal(), terminal()]
    const run = onTerminal(ofRun, ['run', '--agent', 'alpha', ...own])
    await until('it acts', () => shared.upstream.calls.length > 5)
    const contained = await shared.ask(['contain', 'alpha', '--rung', 'restricted', ...BY_MARIA])
    assert.equal(contained.code, 0, contained.stdout)

    const release = ['release', 'alpha', '--by', 'maria.silva@shop.example', '--reason', 'a test', ...own]
    const approve = ['approve', 'a_00000000000000000000', '--as', 'maria.silva@shop.example', ...own]
    assert.equal(await exitOf(onTerminal(ofRun, release)), 3)
    assert.match(
      ofRun.shown(),
      new RegExp(`a run \\(process ${run.pid}\\) shows what its cell writes on this terminal`),
    )
    assert.equal(await exitOf(onTerminal(ofRun, approve)), 3)
    assert.equal(fenced(shared.state), 'restricted')

    // What reads a pipe on its input may write on the terminal all the same.
    assert.equal(await exitOf(onTerminal(ofRun, release, 'ignore')), 3)
    assert.equal(await exitOf(onTerminal(ofPerson, release)), 0, ofPerson.shown())
    assert.equal(fenced(shared.state), undefined)
    const ended = exitOf(run)
    assert.equal((await shared.ask(['kill', 'alpha', ...BY_MARIA])).code, 0)
    await ended
  })
})

interface Shown {
  readonly fd: number
  readonly shown: () => string
}

/** Somebody reads it: what nobody reads holds its writer. */
function terminal(): Shown {
  const opened = newTerminal(200, 40)
  assert.ok(opened.ok)
  let text = ''
  const reader = createReadStream('', { fd: opened.value.controller })
  reader.on('data', (chunk) => {
    text += chunk
  })
  // EIO once nobody has it open.
  reader.on('error', () => undefined)
  cleanUp(() => closeSync(opened.value.terminal))
  return { fd: opened.value.terminal, shown: () => text }
}

function onTerminal({ fd }: Shown, args: readonly string[], input: number | 'ignore' = fd) {
  const child = spawn(join(repository, 'bin/firebreak'), args, {
    env: { PATH: process.env.PATH },
    stdio: [input, fd, fd],
    timeout: 240_000,
    killSignal: 'SIGKILL',
  })
  cleanUp(() => void child.kill('SIGKILL'))
  return child
}

async function exitOf(child: ReturnType<typeof onTerminal>): Promise<number> {
  const [code] = await once(child, 'exit')
  return Number(code)
}

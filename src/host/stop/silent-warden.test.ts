import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { endSilentWarden } from './silent-warden.ts'

const state = mkdtempSync(join(tmpdir(), 'silent-'))
mkdirSync(join(state, 'control'))
after(() => rmSync(state, { recursive: true, force: true }))

const IN_ANOTHER = ['--pid', '--fork', '--kill-child', '--mount-proc']
const CANNOT = spawnSync('unshare', [...IN_ANOTHER, 'true']).status === 0 ? false : 'no PID namespace can be made here'

/** Listens at a socket of the state and never answers; `before` are the words before the command. */
async function listening(socket: string, before: readonly string[] = [], backlog = 511) {
  const options = JSON.stringify({ path: join(state, 'control', socket), backlog })
  const program = `require('node:net').createServer().listen(${options}, () => console.log('there'))`
  const [command = '', ...args] = [...before, process.execPath, '-e', program]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  after(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

function lives(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && process.kill(Number(child.pid), 0)
}

describe('S8: a warden that was reached and does not answer', () => {
  it('is ended, also where it stands still', async () => {
    const warden = await listening('a.sock')
    const pid = Number(warden.pid)
    process.kill(pid, 'SIGSTOP')
    const exited = once(warden, 'exit')
    const { confirmed, escalated, said } = await endSilentWarden({ state, socket: 'a.sock', pid })
    assert.deepEqual([confirmed, escalated, said], [true, true, 'it did not answer, and was ended'])
    assert.deepEqual(await exited, [null, 'SIGKILL'])
    const again = await endSilentWarden({ state, socket: 'a.sock', pid })
    assert.deepEqual([again.confirmed, again.said], [true, 'it was gone: nobody listens at its socket'])
  })

  it('is not called ended where the kernel does not tell, and nobody is signalled', async () => {
    const warden = await listening('d.sock')
    const proc = join(state, 'proc')
    mkdirSync(join(proc, `${warden.pid}`, 'net/unix'), { recursive: true })
    writeFileSync(join(proc, `${warden.pid}`, 'stat'), readFileSync(`/proc/${warden.pid}/stat`))
    const { confirmed, said } = await endSilentWarden({ state, socket: 'd.sock', pid: Number(warden.pid) }, proc)
    assert.ok(!confirmed)
    assert.match(said, /whether it lives cannot be told: EISDIR/)
    assert.ok(lives(warden))
  })

  it('is ended by the number that the kernel has for it, whatever its name says, and whoever has that', async () => {
    const stranger = await listening('c.sock')
    const warden = await listening('b.sock')
    const exited = once(warden, 'exit')
    const { confirmed, said, point } = await endSilentWarden({ state, socket: 'b.sock', pid: Number(stranger.pid) })
    assert.deepEqual([confirmed, said, point], [true, 'it did not answer, and was ended', `warden ${warden.pid}`])
    assert.deepEqual(await exited, [null, 'SIGKILL'])
    assert.ok(lives(stranger))
  })

  it('is not called gone while it listens and cannot be told, and nobody else is ended', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('only root can give a socket to another user')
    const warden = await listening('e.sock')
    // The socket is another user's: they could have given it the name of somebody's who is not theirs.
    chownSync(join(state, 'control/e.sock'), 12_345, 12_345)
    const { confirmed, said } = await endSilentWarden({ state, socket: 'e.sock', pid: Number(warden.pid) })
    assert.equal(confirmed, false)
    assert.match(
      said,
      /^it does not answer, and which process it is cannot be told: order the stop where it was started/,
    )
    assert.ok(lives(warden))
  })

  it('that is too busy to be reached is ended where the number in its name is that of who has its socket', async () => {
    const stranger = await listening('i.sock')
    const warden = await listening('h.sock', [], 1)
    const pid = Number(warden.pid)
    process.kill(pid, 'SIGSTOP')
    // connect(2) says EAGAIN then, and not that nobody is there.
    const filling = Array.from({ length: 4 }, () => connect(join(state, 'control/h.sock')).on('error', () => undefined))
    after(() => {
      for (const each of filling) each.destroy()
    })
    const { confirmed, said } = await endSilentWarden({ state, socket: 'h.sock', pid: Number(stranger.pid) })
    assert.equal(confirmed, false)
    assert.match(
      said,
      /^it does not answer, and which process it is cannot be told \(connect: EAGAIN\): order the stop/,
    )
    assert.ok(lives(stranger) && lives(warden))
    const exited = once(warden, 'exit')
    const ended = await endSilentWarden({ state, socket: 'h.sock', pid })
    assert.deepEqual([ended.confirmed, ended.said], [true, 'it did not answer, and was ended'])
    await exited
  })

  it('is ended in a PID namespace below this one', { skip: CANNOT }, async () => {
    const warden = await listening('f.sock', ['unshare', ...IN_ANOTHER])
    const exited = once(warden, 'exit')
    const { confirmed, said } = await endSilentWarden({ state, socket: 'f.sock', pid: 1 })
    assert.deepEqual([confirmed, said], [true, 'it did not answer, and was ended'])
    await exited
  })

  it('is not confirmed from a PID namespace that does not see it', { skip: CANNOT }, async () => {
    const warden = await listening('g.sock')
    const own = pathToFileURL(join(import.meta.dirname, 'silent-warden.ts')).href
    for (const pid of [1, Number(warden.pid), 4_194_303]) {
      const silent = JSON.stringify({ state, socket: 'g.sock', pid })
      const program = `const { endSilentWarden } = await import(${JSON.stringify(own)})
        console.log(JSON.stringify(await endSilentWarden(${silent})))`
      const args = [...IN_ANOTHER, process.execPath, '--input-type=module', '-e', program]
      const asked = spawnSync('unshare', args, { encoding: 'utf8' })
      assert.equal(asked.status, 0, asked.stderr)
      const { confirmed, said } = JSON.parse(asked.stdout)
      assert.equal(confirmed, false, asked.stdout)
      assert.match(said, /^it does not answer, and runs in a PID namespace that is not seen from here: order the stop/)
    }
    assert.ok(lives(warden))
  })
})

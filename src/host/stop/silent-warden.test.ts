import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { endSilentWarden } from './silent-warden.ts'

const directory = mkdtempSync(join(tmpdir(), 'silent-'))
after(() => rmSync(directory, { recursive: true, force: true }))

/** Listens on a socket and never answers. */
async function listening(socket: string) {
  const program = `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => console.log('there'))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  after(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

describe('S8: a warden that was reached and does not answer', () => {
  it('is ended, also where it stands still', async () => {
    const socket = join(directory, 'a.sock')
    const warden = await listening(socket)
    const pid = Number(warden.pid)
    process.kill(pid, 'SIGSTOP')
    const exited = once(warden, 'exit')
    const { confirmed, escalated, said } = await endSilentWarden({
      pid,
      socket: basename(socket),
      uid: process.getuid?.() ?? 0,
    })
    assert.deepEqual([confirmed, escalated, said], [true, true, 'it did not answer, and was ended'])
    assert.deepEqual(await exited, [null, 'SIGKILL'])
  })

  it('is not called ended where the kernel does not tell, and nobody is signalled', async () => {
    const socket = join(directory, 'd.sock')
    const warden = await listening(socket)
    const proc = join(directory, 'proc')
    mkdirSync(join(proc, `${warden.pid}`, 'net/unix'), { recursive: true })
    writeFileSync(join(proc, `${warden.pid}`, 'stat'), readFileSync(`/proc/${warden.pid}/stat`))
    const { confirmed, said } = await endSilentWarden({ pid: Number(warden.pid), socket: basename(socket) }, proc)
    assert.ok(!confirmed)
    assert.match(said, /whether it lives cannot be told: EISDIR/)
    assert.ok(process.kill(Number(warden.pid), 0))
    assert.equal(warden.signalCode, null)
  })

  it('and nobody else is who has its number by now', async () => {
    const [socket, another] = [join(directory, 'b.sock'), join(directory, 'c.sock')]
    const stranger = await listening(another)
    const { confirmed, said } = await endSilentWarden({ pid: Number(stranger.pid), socket: basename(socket) })
    assert.deepEqual([confirmed, said], [true, 'it was gone: no process has its socket'])
    // A socket of the same name, which another user has made.
    const uid = (process.getuid?.() ?? 0) + 1
    const namesake = await endSilentWarden({ pid: Number(stranger.pid), socket: basename(another), uid })
    assert.equal(namesake.said, said)
    assert.ok(process.kill(Number(stranger.pid), 0))
    assert.equal(stranger.signalCode, null)
  })
})

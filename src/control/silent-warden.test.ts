import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
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
    const { confirmed, escalated, said } = await endSilentWarden(pid, basename(socket))
    assert.deepEqual([confirmed, escalated, said], [true, true, 'it did not answer, and was ended'])
    assert.deepEqual(await exited, [null, 'SIGKILL'])
  })

  it('and nobody else is who has its number by now', async () => {
    const [socket, another] = [join(directory, 'b.sock'), join(directory, 'c.sock')]
    const stranger = await listening(another)
    assert.ok((await endSilentWarden(Number(stranger.pid), basename(socket))).confirmed)
    assert.ok(process.kill(Number(stranger.pid), 0))
    assert.equal(stranger.signalCode, null)
  })
})

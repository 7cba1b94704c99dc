import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { cleanUp, temporaryDirectory } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { sendDescriptors } from '../../cells/descriptors.ts'
import { type Caller, descriptorOf, hostPlace, openHostDoor } from './host-door.ts'
import { reachHost } from './reach-host.ts'

async function scene() {
  const state = temporaryDirectory()
  const asked: Caller[] = []
  const door = await openHostDoor(state, (caller) => {
    for (const fd of caller.fds) closeSync(fd)
    if (caller.ask.kind === 'about') {
      caller.reply({ kind: 'about', pid: 1, sinceMs: 0, configuration: 'here' })
      caller.socket.end()
    } else asked.push(caller)
  })
  assert.ok(door.ok, JSON.stringify(door))
  cleanUp(() => door.value.close())
  const open = async (): Promise<Socket> => {
    const socket = connect(join(hostPlace(state), 'door.sock'))
    cleanUp(() => void socket.destroy())
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }
  const answers = async () => {
    const about = await (await reachHost(state))?.about()
    assert.ok(about?.ok, 'somebody else is heard all the while')
  }
  return { state, asked, door: door.value, open, answers }
}

const ended = (socket: Socket) => new Promise<void>((resolve) => socket.resume().once('close', () => resolve()))

describe('S14: the door of a host', () => {
  it('ends whoever says what is no question, and nothing else: garbage, half a line, too much, nothing at all', async () => {
    const { open, answers, asked } = await scene()
    const said = [
      'null\n',
      '7\n',
      '{\n',
      '\u0000\u0001\n',
      '"down"\n',
      '{"kind":null}\n',
      '[]\n',
      `${'x'.repeat(1_100_000)}\n`,
    ]
    for (const text of said) {
      const socket = await open()
      const gone = ended(socket)
      socket.write(text)
      if (text.includes('"kind"')) socket.end()
      else await gone
      await answers()
    }
    const half = await open()
    half.write('{"kind":"do')
    await open()
    await answers()
    half.write('wn"}\n')
    await until('it is heard when it is whole', () => asked.some(({ ask }) => ask.kind === 'down'))
    await answers()
  })

  it('hears others while a thousand connections say nothing, of which it keeps the newest', async () => {
    const { open, answers } = await scene()
    let gone = 0
    for (let i = 0; i < 1_000; i++) (await open()).resume().on('close', () => gone++)
    await answers()
    await until('those that were there for longest are ended', () => gone >= 700)
    await answers()
  })

  it('takes no more descriptors than streams, and keeps none of those that came', async () => {
    const { open, answers } = await scene()
    const before = readdirSync('/proc/self/fd').length
    for (let i = 0; i < 5; i++) {
      const socket = await open()
      const gone = ended(socket)
      const nothing = openSync('/dev/null', 'r')
      for (let part = 0; part < 3; part++)
        sendDescriptors(descriptorOf(socket), Buffer.from(' '), [nothing, nothing, nothing, nothing])
      closeSync(nothing)
      await gone
    }
    await answers()
    await until('all are closed', () => readdirSync('/proc/self/fd').length <= before + 1)
  })

  it('is closed for whoever does not read its last words, too', async () => {
    const { open, door, asked } = await scene()
    const deaf = await open()
    deaf.pause().write('{"kind":"plan"}\n')
    await until('it is heard', () => asked.length === 1)
    const [caller] = asked
    for (let i = 0; i < 64; i++) caller?.socket.write('x'.repeat(65_536))
    door.close()
    await until('nothing of it is left', () => caller?.socket.destroyed === true)
  })

  it('S3: is no other user’s', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    const { state, answers } = await scene()
    const path = join(hostPlace(state), 'door.sock')
    const script = `process.setgid(65534); process.setuid(65534)
      require('node:net').connect(${JSON.stringify(path)}).on('connect', () => process.exit(0)).on('error', ({ code }) => { console.log(code); process.exit(1) })`
    const { status, stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    assert.deepEqual([status, stdout.trim()], [1, 'EACCES'])
    await answers()
  })
})

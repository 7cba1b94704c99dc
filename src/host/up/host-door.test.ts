// In a process of its own: it counts the descriptors of the process.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, closeSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { cleanUp, temporaryDirectory } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { sendDescriptors } from '../../cells/descriptors.ts'
import { agentName, ok, type Result } from '../../model/index.ts'
import { type Caller, descriptorOf, hostPlace, openHostDoor } from './host-door.ts'
import { hearLines } from './host-words.ts'
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
    const reached = await reachHost(state)
    const about = reached.ok ? await reached.value?.about() : reached
    assert.ok(about?.ok, 'somebody else is heard all the while')
  }
  return { state, asked, door: door.value, open, answers }
}

/** An ordinary user; nobody on this host. */
const USER = 1_900_000_009

const textOf = (result: Result<unknown, unknown>): string => (result.ok ? '' : String(result.reason))
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

  it('hears what comes together with the first words, such as a signal', async () => {
    const { open, asked } = await scene()
    const words = [{ kind: 'run' }, { kind: 'signal', signal: 'SIGTERM' }, { kind: 'signal', signal: 'SIGINT' }]
    const socket = await open()
    socket.write(words.map((each) => `${JSON.stringify(each)}\n`).join(''))
    await until('it is heard', () => asked.length === 1)
    const later: unknown[] = []
    const [caller] = asked
    assert.deepEqual(caller?.ask, words[0])
    assert.ok(caller !== undefined)
    hearLines(caller.socket, (value) => later.push(value))
    caller.socket.resume()
    await until('both are heard', () => later.length === 2)
    assert.deepEqual(later, words.slice(1))
  })

  it('is there as long as its lock is held, whether it opens or not: only the lock says that no host is up', async () => {
    const { state, door, asked } = await scene()
    rmSync(join(hostPlace(state), 'door.sock'))
    const up = new RegExp(
      `a host is up and is not reached: process ${process.pid} of user ${process.getuid?.()}: its door`,
    )
    assert.match(textOf(await reachHost(state, 50)), up)
    assert.match(textOf(await openHostDoor(state, (caller) => asked.push(caller))), /a host is up: process/)
    if (process.getuid?.() === 0) {
      chownSync(hostPlace(state), USER, USER)
      chownSync(join(hostPlace(state), 'lock'), USER, USER)
      assert.match(textOf(await reachHost(state, 600_000)), new RegExp(`of user ${USER}: its place is not`))
    }
    door.close()
    assert.deepEqual(await reachHost(state, 50), ok(undefined))
    // What a host that was killed has left says nothing.
    writeFileSync(join(hostPlace(state), 'lock'), '1\n')
    assert.deepEqual(await reachHost(state, 50), ok(undefined))
    assert.deepEqual(await reachHost(join(state, 'none'), 50), ok(undefined))
  })

  it('S9: ends with its last word to whoever ended it: the orders that no fence has; without that nobody says how', async () => {
    const order = { id: 'o_1', target: { kind: 'all' }, rung: 'killed', by: 'maria', why: 'a test' } as const
    const unwritten = [{ order, agents: [agentName('alpha')], problem: 'the disk is full' }]
    for (const says of [true, false]) {
      const { state, asked, door } = await scene()
      const reached = await reachHost(state)
      assert.ok(reached.ok && reached.value !== undefined)
      const down = reached.value.down()
      await until('it is asked', () => asked.length === 1)
      if (says) asked[0]?.reply({ kind: 'down', unwritten })
      door.close()
      if (says) assert.deepEqual(await down, ok(unwritten))
      else assert.match(textOf(await down), /did not say how/)
    }
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

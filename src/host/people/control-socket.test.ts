import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { monotonicUs } from '../../model/host/monotonic.ts'
import { agentName, personName } from '../../model/index.ts'
import { askWardens, type ControlSocket, openControlSocket } from './control-socket.ts'

const directory = mkdtempSync(join(tmpdir(), 'control-'))
const open: ControlSocket[] = []
after(async () => {
  for (const each of open) await each.close()
  rmSync(directory, { recursive: true, force: true })
})

/** A state whose path has that many bytes. */
function stateOf(bytes: number): string {
  const rest = bytes - directory.length - 1
  const parts = Array.from({ length: Math.ceil(rest / 100) }, (_, i) => 'x'.repeat(Math.min(99, rest - i * 100 - 1)))
  const state = join(directory, ...parts.filter((part) => part !== ''))
  mkdirSync(state, { recursive: true })
  return state
}

async function opened(state: string): Promise<ControlSocket> {
  const door = await openControlSocket(state, async (_, reply) => {
    reply({ kind: 'done', ok: true, said: state, cells: [] })
  })
  assert.ok(door.ok, door.ok ? '' : door.reason)
  open.push(door.value)
  return door.value
}

const heardIn = async (state: string) =>
  (await askWardens(state, { kind: 'cells' }, () => undefined, 2_000)).map(({ said }) => said)

describe('S8: the control socket of a run', () => {
  for (const bytes of [60, 95, 107, 108, 123, 300, 3_900])
    it(`answers in a state whose path has ${bytes} bytes, and whoever asks finds it`, async () => {
      const state = stateOf(bytes)
      const door = await opened(state)
      assert.ok((await door.answers()).ok)
      assert.deepEqual(await heardIn(state), [state])
      const [name = ''] = readdirSync(join(state, 'control'))
      assert.equal(statSync(join(state, 'control', name)).mode & 0o777, 0o600)
      await door.close()
      assert.deepEqual(readdirSync(join(state, 'control')), [])
      assert.deepEqual(await heardIn(state), [])
    })

  it('that cannot open is a reason not to start, in a sentence', async () => {
    const state = mkdtempSync(join(directory, 'late-'))
    writeFileSync(join(state, 'control'), 'no directory')
    const door = await openControlSocket(state, async () => undefined)
    assert.ok(!door.ok)
    assert.match(door.reason, /^the control socket in .+\/control does not open \(.+\): nobody could stop .+--state/)
    const deep = `${directory}/${'y/'.repeat(3_000)}`
    const none = await openControlSocket(deep, async () => undefined)
    assert.match(none.ok ? '' : none.reason, /ENAMETOOLONG/)
  })

  it('says when it answers no more: somebody took its name away', async () => {
    const state = stateOf(80)
    const door = await opened(state)
    rmSync(join(state, 'control'), { recursive: true })
    const answer = await door.answers()
    assert.match(answer.ok ? '' : answer.reason, /nobody listens there any more/)
  })

  it('answers a request that is too large, or no request, and goes on', async () => {
    const state = stateOf(66)
    await opened(state)
    const agent = agentName('bot')
    const rung = {
      agent,
      environment: 'test',
      from: 'frozen',
      to: 'normal',
      by: personName('maria@shop.example'),
    } as const
    const large = { kind: 'release', ...rung, why: 'x'.repeat(1_300_000), askedUs: 0 } as const
    const [answer] = await askWardens(state, large, () => undefined, 5_000)
    assert.match(answer?.said ?? '', /^nothing was done: a request has at most 1114112 characters/)
    assert.equal(answer?.silent, undefined)
    const [name = ''] = readdirSync(join(state, 'control'))
    const odd = connect(join(state, 'control', name), () => odd.write('no request\n')).setEncoding('utf8')
    const [said] = await once(odd, 'data')
    assert.match(said, /cannot be read/)
    assert.deepEqual(await heardIn(state), [state])
  })

  it('hears an order that names as many agents as a configuration has room for, and each of its characters', async () => {
    const state = mkdtempSync(join(directory, 'large-'))
    const heard: unknown[] = []
    const door = await openControlSocket(state, async (request, reply) => {
      heard.push(request)
      reply({ kind: 'done', ok: true, said: '', cells: [] })
    })
    assert.ok(door.ok, door.ok ? '' : door.reason)
    open.push(door.value)
    // Each stands in it as a key, with two characters more at the least.
    const name = (i: number) => `a${i}`.padEnd(48, 'x')
    const agents = Array.from({ length: Math.floor(1_048_576 / 51) }, (_, i) => name(i))
    const target = { kind: 'environment', name: 'live' } as const
    const order = { id: 'o_1', target, rung: 'frozen', by: 'maria', why: '€'.repeat(500), agents } as const
    heard.length = 0
    const answers = await askWardens(state, { kind: 'contain', order }, () => undefined, 60_000)
    assert.deepEqual(
      answers.map(({ ok, said }) => [ok, said]),
      [[true, '']],
    )
    assert.deepEqual(heard, [{ kind: 'contain', order }])
  })

  it('carries out nothing for who has given up by then, but a stop', async () => {
    const state = mkdtempSync(join(directory, 'late-'))
    const heard: string[] = []
    const door = await openControlSocket(state, async ({ kind }, reply) => {
      heard.push(kind)
      // Its own look is the first question, and waits as a person's does.
      reply({ kind: 'done', ok: true, said: 'done', cells: [] })
    })
    assert.ok(door.ok, door.ok ? '' : door.reason)
    open.push(door.value)
    const at = readdirSync(join(state, 'control')).find((name) => name.endsWith('.sock')) ?? ''
    const say = async (kind: string, untilUs: number) => {
      const socket = connect(join(state, 'control', at))
      socket.write(`${JSON.stringify({ kind, untilUs })}\n`)
      let text = ''
      for await (const chunk of socket) text += chunk
      return text
    }
    heard.length = 0
    for (const kind of ['release', 'undo', 'files', 'cells'])
      assert.match(await say(kind, monotonicUs() - 1), /too late/)
    assert.deepEqual(heard, [])
    await say('contain', monotonicUs() - 1)
    await say('release', monotonicUs() + 60_000_000)
    assert.deepEqual(heard, ['contain', 'release'])
    // Who asks ends while this process stands still.
    heard.length = 0
    const path = join(state, 'control', at)
    for (const kind of ['release', 'contain']) {
      const asking = `const s = require('net').connect(${JSON.stringify(path)}, () => s.end('{"kind":"${kind}"}\\n', () => process.exit()))`
      assert.equal(spawnSync(process.execPath, ['-e', asking]).status, 0)
      await delay(100)
    }
    assert.deepEqual(heard, ['contain'])
    assert.match(await say('null', 0).catch(String), /too late/, 'control: it answers')
    const [said] = await askWardens(state, { kind: 'cells' }, () => undefined)
    assert.equal(said?.ok, true, 'control: a command gives its warden time')
  })

  it('of who says what no warden says, or never a whole word, counts as one that does not answer', async () => {
    const state = stateOf(68)
    mkdirSync(join(state, 'control'))
    const done = { kind: 'done', ok: false, said: 'no', silent: { pid: 1, socket: 'x.sock' } }
    const said = ['{no\n', '{"kind":"confirmation"}\n', ' ', `${JSON.stringify(done)}\n`]
    said.push(`${JSON.stringify({ ...done, cells: [{ cell: 'c_1', sinceMs: null }] })}\n`)
    const servers = said.map((words, i) =>
      createServer((socket) => {
        socket.on('error', () => undefined).write(words)
        const again = words === ' ' ? setInterval(() => socket.write(' '), 100) : undefined
        socket.on('close', () => clearInterval(again))
        if (words.startsWith('{"kind":"done"')) socket.end()
      }).listen(join(state, 'control', `${process.pid}-${i}.sock`)),
    )
    await Promise.all(servers.map((server) => server.listening || once(server, 'listening')))
    const heard: unknown[] = []
    const answers = await askWardens(state, { kind: 'cells' }, (reply) => heard.push(reply), 500)
    for (const server of servers) server.close()
    const sockets = answers.map(({ silent }) => silent?.socket)
    const places = [0, 1, 2, 4].map((i) => `${process.pid}-${i}.sock`)
    assert.deepEqual(sockets.filter((each) => each !== undefined).toSorted(), places)
    // Who is silent is no warden's to say.
    assert.deepEqual(heard, [{ kind: 'done', ok: false, said: 'no' }])
  })

  it('of a dead warden is taken away, and asked for nothing', async () => {
    const state = stateOf(64)
    mkdirSync(join(state, 'control'))
    const program = `require('node:net').createServer().listen(${JSON.stringify(join(state, 'control', '1-0.sock'))}, () => console.log('there'))`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.deepEqual(await heardIn(state), [])
    assert.deepEqual(readdirSync(join(state, 'control')), [])
  })

  it('of a warden that lives and cannot be reached stays, and counts as one that does not answer', async () => {
    const state = stateOf(62)
    mkdirSync(join(state, 'control'))
    const path = join(state, 'control', `${process.pid}-0.sock`)
    // It stands still, and its backlog is full: connect(2) says EAGAIN, and not that nobody is there.
    const program = `require('node:net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => {
      require('node:fs').writeSync(1, 'there')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) })`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    after(() => void child.kill('SIGKILL'))
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    const filling = Array.from({ length: 4 }, () => connect(path).on('error', () => undefined))
    const answers = await askWardens(state, { kind: 'cells' }, () => undefined, 1_000)
    for (const each of filling) each.destroy()
    assert.deepEqual(
      answers.map(({ ok, silent }) => [ok, silent?.pid]),
      [[false, process.pid]],
    )
    assert.deepEqual(readdirSync(join(state, 'control')), [`${process.pid}-0.sock`])
  })
})

/** What people stop and release with: no way to it from inside a cell, and none for another user of the host. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SKIP } from '../kit/command-line.ts'
import { NODE_FOR_ALL, UNREADABLE } from '../kit/open-checkout.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA, type Desk, desk, fenced, over } from '../stop/kit.ts'

const ATTACK = '/opt/attacks/control.ts'

describe('S1, S9: the way of people to a warden', { skip: SKIP }, () => {
  it('no path, socket, process or descriptor of a cell leads to it, or to another warden’s', async () => {
    const neighbour = await desk()
    const other = await neighbour.start()
    assert.equal((await neighbour.ask(['contain', 'alpha', '--rung', 'watched', ...BY_MARIA])).code, 0)
    const ways = waysTo(neighbour)
    assert.ok(ways.length >= 5, `control: they are there: ${ways}`)

    const state = join(neighbour.state, '..', 'own')
    const own = ['control', 'fence', 'fence/fence.json', 'receipts', 'approvals', 'ledger', 'witness']
    const paths = [...ways, ...own.map((part) => join(state, part)), '/run/firebreak', neighbour.state]
    const files = { '/opt/attacks': join(import.meta.dirname, 'attacks') }
    const attacker = await desk({ state, files, command: ['/opt/node', ATTACK, ...paths] })
    const run = attacker.run()
    await until('it has tried', () => run.stdout().includes('report '))
    const report = JSON.parse(run.stdout().slice(run.stdout().indexOf('report ') + 'report '.length))
    assert.ok(existsSync(join(state, 'fence', 'fence.json')), 'control: its own state is there')

    assert.ok(Object.keys(report.reached).length > paths.length, 'control: it has tried processes, too')
    for (const [path, said] of Object.entries(report.reached) as [string, string[]][])
      assert.ok(!said.some((each) => each.startsWith('did it')), `${path}: ${said}`)
    assert.ok(report.pids > 0 && report.pids < 10, 'its own processes, and nobody else')
    assert.deepEqual(report.sockets, [], 'sockets of its own network, and it has none')
    for (const held of report.held as string[])
      assert.doesNotMatch(held, /firebreak-test|\/run\/firebreak|socket:|cgroup/, held)
    assert.equal(fenced(neighbour.state), 'watched')
    await over(attacker, run)
    await over(neighbour, other)
  })

  it('another user of this host can neither order nor release, and cannot read who is contained', {
    skip: UNREADABLE,
  }, async () => {
    const contained = await desk()
    const run = await contained.start()
    assert.equal((await contained.ask(['contain', 'alpha', ...BY_MARIA])).code, 0)
    const ways = waysTo(contained)
    for (const way of ways) assert.equal(statSync(way).mode & 0o077, 0, `${way} is its owner’s alone`)
    const program = `
      const fs = require('node:fs'), net = require('node:net')
      const said = []
      for (const path of ${JSON.stringify(ways)}) for (const act of [fs.readdirSync, fs.readFileSync, (p) => fs.writeFileSync(p, '{}'), fs.rmSync])
        try { act(path); said.push(path + ': did it') } catch (error) { said.push(error.code) }
      const socket = net.connect(${JSON.stringify(ways.find((way) => way.endsWith('.sock')))}, () => { said.push('connected'); end() })
      const end = () => { console.log(JSON.stringify(said)); process.exit() }
      socket.on('error', (error) => { said.push(error.code); end() })`
    const stranger = spawn(NODE_FOR_ALL, ['-e', program], {
      uid: 1_900_000_003,
      gid: 1_900_000_003,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [said] = await once(stranger.stdout, 'data')
    const refusals = new Set(JSON.parse(String(said)))
    assert.ok(refusals.delete('EACCES'))
    assert.deepEqual(refusals.difference(new Set(['EISDIR', 'ERR_FS_EISDIR'])), new Set(), 'or it is no file')
    assert.equal(fenced(contained.state), 'frozen')
    await over(contained, run)
  })
})

/** The control socket, the fence, receipts and answers of a state. */
function waysTo({ state }: Desk): readonly string[] {
  const inside = ['control', 'fence', 'receipts', 'approvals']
  return inside.flatMap((part) => {
    const directory = join(state, part)
    return [directory, ...readdirSync(directory).map((name) => join(directory, name))]
  })
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { describe, it } from 'node:test'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, NODE, outputOf, ran, SKIP, spec, workspaceOver } from './kit.ts'

/** Leaves something at every meeting place it can think of, then waits. */
const WAITING = `
const net = require('net'), fs = require('fs'), cp = require('child_process')
fs.writeFileSync('/work/note', 'from the first'); fs.writeFileSync('/tmp/note', 'x'); fs.writeFileSync('/dev/shm/note', 'x')
const all = ['/work/meet.sock', '/tmp/meet.sock', '\\0meet'].map((path) => new Promise((r) => net.createServer((s) => s.end('met')).listen(path, r)))
const port = new Promise((r) => net.createServer((s) => s.end('met')).listen(9999, '0.0.0.0', r))
cp.execFileSync('mkfifo', ['/work/fifo'])
Promise.all([...all, port]).then(() => console.log('waiting'))
setTimeout(() => {}, 20000)
`
const SEEKING = `
const net = require('net'), fs = require('fs')
const met = (to) => new Promise((r) => net.connect(to).on('error', (e) => r(e.code)).on('connect', () => r('met')))
;(async () => console.log(JSON.stringify({
  files: [fs.existsSync('/work/note'), fs.existsSync('/tmp/note'), fs.existsSync('/dev/shm/note'), fs.existsSync('/work/fifo')],
  sockets: [await met('/work/meet.sock'), await met('/tmp/meet.sock'), await met('\\0meet'), await met({ port: 9999, host: '127.0.0.1' })],
  processes: fs.readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)).length,
  given: fs.readFileSync('/work/given', 'utf8'),
})))()
`

describe('two cells on one workspace', { skip: SKIP }, () => {
  it('S3: they do not meet: no file, socket, port, process or uid of one is the other’s', async () => {
    const lower = hostDirectory()
    await new Promise((resolve) => spawn('sh', ['-c', `echo hi > ${lower}/given`]).on('exit', resolve))
    const first = await launched(spec([NODE, '-e', WAITING], { workspace: workspaceOver(lower) }))
    const output = outputOf(first)
    first.start()
    await until('the first is there to be met', () => output.said().includes('waiting'))
    const { stdout, stderr } = await ran(spec([NODE, '-e', SEEKING], { workspace: workspaceOver(lower) }))
    const second = JSON.parse(stdout || `"${stderr}"`)
    assert.deepEqual(second.files, [false, false, false, false])
    assert.deepEqual(second.sockets, ['ENOENT', 'ENOENT', 'ECONNREFUSED', 'ECONNREFUSED'])
    assert.ok(second.processes <= 3, `${second.processes} processes visible`)
    assert.equal(second.given, 'hi\n', 'control: the given file is there for both')
    await first.teardown()
  })

  it('S3: live cells never share a uid, nor a workspace’s changes', async () => {
    const workspace = workspaceOver(hostDirectory())
    const first = await launched(spec(['sleep', '20'], { workspace }))
    const second = await launched(spec(['sleep', '20']))
    assert.notEqual(first.uid, second.uid)
    await assert.rejects(launched(spec(['sleep', '20'], { workspace })), /in use/)
    await Promise.all([first.teardown(), second.teardown()])
    const again = await launched(spec(['true'], { workspace }))
    assert.equal(again.uid, first.uid, 'the changes keep their owner')
    await again.teardown()
  })

  it('S3: a signal sent to every process reaches only its own', async () => {
    const other = await launched(spec(['sleep', '20']))
    other.start()
    const bystander = spawn('sleep', ['20'], { uid: other.uid, gid: other.uid })
    const { exit } = await ran(spec(['sh', '-c', 'kill -9 -1; kill -9 1; kill -9 $PPID; exit 7']))
    assert.ok(exit.code === 7 || exit.code === 137)
    assert.ok(other.pids().length > 0)
    assert.equal(bystander.exitCode, null)
    assert.equal(bystander.signalCode, null)
    bystander.kill()
    await other.teardown()
  })
})

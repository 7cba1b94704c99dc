import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { attacked, hostDirectory, launched, NODE, ran, SKIP, spec, warden, workspaceOver } from './kit.ts'

describe('files', { skip: SKIP }, () => {
  let inside: Readonly<Record<string, unknown>> = {}
  let lower = ''
  before(async () => {
    lower = hostDirectory()
    writeFileSync(join(lower, 'given'), 'as it was', { mode: 0o644 })
    // An owner who is neither root nor the cell.
    for (const path of [lower, join(lower, 'given')]) chownSync(path, 4_242, 4_242)
    symlinkSync('/etc/shadow', join(lower, 'out'))
    symlinkSync('../../../../..', join(lower, 'up'))
    spawnSync('mknod', [join(lower, 'device'), 'c', '1', '1'])
    inside = await attacked('files.ts', [], { workspace: workspaceOver(lower) })
  })

  it('S1: the password file, root’s home and other homes are not there', () => {
    assert.equal(inside.shadow, 'ENOENT')
    assert.equal(inside.root, 'ENOENT')
    assert.equal(inside.homes, 'agent')
    assert.equal(inside.top, 'bin dev etc home lib lib64 opt proc run sbin tmp usr var work')
    assert.ok(readFileSync('/etc/shadow').length > 0, 'control: it is there outside')
  })

  it('S1: pid 1 of the cell gives away nothing: its root is the cell, its environment empty, its descriptors the cell’s', () => {
    assert.equal(inside['link to the root of pid 1'], 'done: /')
    assert.equal(inside['root of pid 1'], 'ENOENT')
    assert.equal(inside['environment of pid 1'], 'done: ')
    assert.equal(inside['memory of pid 1'], 'EIO', 'nothing is mapped at 0')
    // The event is how it tells the monitor outside that the command has ended; lying on it ends the cell.
    assert.match(
      String(inside['descriptors of pid 1']),
      /^done: pipe:\[\d+\],pipe:\[\d+\],pipe:\[\d+\],anon_inode:\[eventfd\]$/,
    )
  })

  it('S1: symlinks in the workspace lead nowhere outside', () => {
    for (const attempt of ['symlink out', 'symlink up', 'symlink made here'])
      assert.equal(inside[attempt], 'ENOENT', attempt)
    assert.ok(readFileSync(join(lower, 'out')).length > 0, 'control: on the host the same link reads the password file')
  })

  it('S1: no hard link to a file outside the workspace', () => {
    assert.match(String(inside['hard link to a program']), /^(EXDEV|EPERM)$/)
    assert.match(String(inside['hard link to a given file']), /^(EXDEV|EPERM)$/)
  })

  it('S1: root, programs, configuration and given files cannot be written', () => {
    for (const attempt of ['write to /', 'write to /usr', 'write to /etc', 'write to a given file'])
      assert.equal(inside[attempt], 'EROFS', attempt)
  })

  it('S1: /proc changes nothing of the host', () => {
    for (const attempt of [
      'write to /proc/sys',
      'write to the core pattern',
      'write to /proc/sys/net',
      'write to sysrq',
      'write its own oom score down',
      'write its uid map',
    ]) {
      assert.match(String(inside[attempt]), /^(EACCES|EPERM|EROFS|ENOENT)$/, attempt)
    }
    for (const attempt of ['kcore', 'kallsyms'])
      assert.match(String(inside[attempt]), /^(EACCES|EPERM|ENXIO|ENOENT)$/, attempt)
  })

  it('S1: no device but the harmless ones, no /sys, no terminal', () => {
    assert.equal(inside.devices, 'core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero')
    assert.equal(inside['a file of its own in /dev'], 'EROFS')
    assert.equal(inside['how the host was booted'], 'EACCES')
    for (const attempt of ['kmsg', 'memory', 'disk']) assert.equal(inside[attempt], 'ENOENT', attempt)
    assert.equal(inside.sys, false)
    assert.equal(inside['tty of the host'], 'ENXIO')
    assert.match(
      String(inside['device in the workspace']),
      /^(EACCES|EPERM)$/,
      'nodev, although the host placed a device there',
    )
  })

  it('S3: a socket and a FIFO in a directory that is shown are not the host’s', async () => {
    const shown = hostDirectory()
    chmodSync(shown, 0o755)
    const met: string[] = []
    const server = createServer((socket) => socket.on('data', (data) => met.push(String(data))).end('met'))
    await new Promise<void>((resolve) => server.listen(join(shown, 'host.sock'), resolve))
    chmodSync(join(shown, 'host.sock'), 0o777)
    spawnSync('mkfifo', ['-m', '666', join(shown, 'host.fifo')])
    const fifo = openSync(join(shown, 'host.fifo'), constants.O_RDWR | constants.O_NONBLOCK)
    const attempt = `const fs=require('fs'),net=require('net')
      fs.writeSync(fs.openSync('/opt/shown/host.fifo','r+'),'from a cell')
      net.connect('/opt/shown/host.sock').on('error',(e)=>console.log(e.code)).on('data',(x)=>console.log(String(x))).end('from a cell')`
    const files = [...spec(['true']).files, { from: shown, to: '/opt/shown' }]
    const { stdout } = await ran(spec([NODE, '-e', attempt], { files }))
    assert.equal(stdout, 'ECONNREFUSED\n')
    assert.throws(() => readSync(fifo, Buffer.alloc(16)), /EAGAIN/, 'nothing came through')
    const control = connect(join(shown, 'host.sock'))
    assert.equal(String((await once(control, 'data'))[0]), 'met', 'control: outside it answers')
    control.destroy()
    server.close()
    closeSync(fifo)
    const itself = spec(['true'], { files: [{ from: join(shown, 'host.fifo'), to: '/opt/fifo' }] })
    await assert.rejects(launched(itself), /neither a file nor a directory/)
  })

  it('S1: no descriptor is inherited but three pipes', async () => {
    // A descriptor that leaks into children of this process, as a careless embedder of the warden would have it.
    const leak = openSync('/etc/shadow', 'r')
    const { stdout } = await ran(spec(['sh', '-c', 'ls -l /proc/$$/fd']))
    closeSync(leak)
    const targets = [...stdout.matchAll(/ (\d+) -> (\S+)/g)].map(([, fd, target]) => `${fd} ${target}`)
    assert.equal(targets.length, 3, stdout)
    for (const [i, target] of targets.entries()) assert.match(target, new RegExp(`^${i} pipe:`))
  })

  it('S3: the agent edits what its owner gave, and the owner’s directory stays as it was', () => {
    assert.match(String(inside['given file in the workspace']), /^done/)
    assert.match(String(inside['own file in the workspace']), /^done/)
    assert.equal(readFileSync(join(lower, 'given'), 'utf8'), 'as it was')
    assert.throws(() => statSync(join(lower, 'mine')))
  })

  it('S1: a set-user-ID program gives nothing', async () => {
    assert.equal(statSync('/usr/bin/su').mode & 0o4000, 0o4000, 'control: su is set-user-ID on this host')
    const { stdout } = await ran(
      spec([
        'sh',
        '-c',
        'su -c id root </dev/null 2>&1; mount -t tmpfs x /tmp 2>&1; cp /usr/bin/id /tmp/id; chmod 4755 /tmp/id 2>&1; /tmp/id -u',
      ]),
    )
    assert.doesNotMatch(stdout, /uid=0|euid/)
    assert.match(stdout, /^1000$/m)
  })

  it('S3: host root is not behind the cell’s uid', async () => {
    const cell = await launched(spec(['sleep', '20']))
    cell.start()
    const pid = await eventually(() => cell.pids().at(-1))
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    assert.match(status, new RegExp(`^Uid:\\t${cell.uid}\\t${cell.uid}\\t${cell.uid}\\t${cell.uid}$`, 'm'))
    assert.ok(cell.uid >= 1_950_000_000)
    await cell.teardown()
  })

  it('S1: a workspace or a file that is, holds or lies in a protected path is refused, symlinks resolved', async () => {
    const directory = hostDirectory()
    const state = join(directory, 'project/state')
    mkdirSync(state, { recursive: true })
    symlinkSync(join(directory, 'project'), join(directory, 'innocent'))
    const given = ['', 'project', 'project/state', 'innocent', 'innocent/state'].map((path) => join(directory, path))
    for (const workspace of given) {
      const answer = await (await warden()).launch(
        spec(['true'], {
          workspace: { lower: workspace, changes: join(hostDirectory(), 'c'), at: '/work' },
          protectedPaths: [state],
        }),
      )
      assert.equal(!answer.ok && answer.reason.kind, 'workspace', workspace)
    }
    for (const from of given) {
      const files = [{ from, to: '/opt/given' }]
      const answer = await (await warden()).launch(spec(['true'], { files, protectedPaths: [state] }))
      assert.equal(!answer.ok && answer.reason.kind, 'file', from)
    }
    const inside = [{ from: join(state, 'key'), to: '/opt/key' }]
    writeFileSync(join(state, 'key'), '')
    const answer = await (await warden()).launch(spec(['true'], { files: inside, protectedPaths: [state] }))
    assert.equal(!answer.ok && answer.reason.kind, 'file', 'a file in it')
    const beside = join(directory, 'project/code')
    mkdirSync(beside)
    const { exit } = await ran(spec(['true'], { workspace: workspaceOver(beside), protectedPaths: [state] }))
    assert.equal(exit.code, 0, 'control: beside it, the same launch works')
  })

  it('S1: a variable and an argument reach no other user of the host', async () => {
    const cell = await launched(
      spec([NODE, '-e', 'setTimeout(()=>{},20000)'], { variables: { PATH: '/usr/bin', SECRET: 'swordfish-7' } }),
    )
    cell.start()
    const seen = spawnSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null'], {
      uid: 65_534,
      gid: 65_534,
      encoding: 'utf8',
    })
    assert.ok(seen.stdout.length > 100)
    assert.ok(!seen.stdout.includes('swordfish-7'))
    await cell.teardown()
  })
})

async function eventually<T>(get: () => T | undefined): Promise<T> {
  for (let turn = 0; turn < 200; turn++) {
    const value = get()
    if (value !== undefined) return value
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('never')
}

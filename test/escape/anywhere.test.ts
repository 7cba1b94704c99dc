/** Cells of which every address leads to their gateway: what they reach, and what they do not (S1, S3). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, it } from 'node:test'
import { socketsOf } from '../../src/cells/cell-sockets.ts'
import type { LinuxCell } from '../../src/cells/linux/launch/cell.ts'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import type { AnywherePort, CellSpec } from '../../src/cells/spec.ts'
import { transportOf } from '../kit/listener.ts'
import { until } from '../kit/until.ts'
import { type Answering, answering, FULL_HOUSE } from './answering.ts'
import { hostDirectory, lastReport, launched, NODE, outputOf, ran, SKIP, spec } from './kit.ts'

const WEB: readonly AnywherePort[] = [
  { transport: 'tcp', port: 80 },
  { transport: 'tcp', port: 443 },
  { transport: 'tcp', port: 53 },
  { transport: 'udp', port: 53 },
  { transport: 'tcp', port: 5432 },
  { transport: 'udp', port: 123 },
]
type Dial = readonly ['tcp' | 'udp', string, number]

interface Met {
  readonly cell: LinuxCell
  readonly said: Readonly<Record<string, unknown>>
  readonly dialled: readonly string[]
}

/** Runs an attack program in a cell whose gateway answers, and returns what both have seen. */
async function meets(program: string, args: readonly string[], changes: Partial<CellSpec> = {}): Promise<Met> {
  const cell = await launched(spec([NODE, `/opt/attacks/${program}`, ...args], { anywhere: WEB, ...changes }))
  const gateway = await answering(cell)
  const output = outputOf(cell)
  cell.start()
  await cell.exited
  const said = lastReport(await output.stdout, await output.stderr)
  await gateway.close()
  await cell.teardown()
  return { cell, said, dialled: gateway.dialled }
}

const dials = (tried: readonly Dial[], changes: Partial<CellSpec> = {}) =>
  meets('anywhere.ts', [JSON.stringify(tried)], changes)

describe('every address leads to the gate', { skip: SKIP }, () => {
  let here = 0
  const neighbour = createServer((socket) => socket.end('the host'))
  before(async () => {
    neighbour.listen(0, '0.0.0.0')
    await once(neighbour, 'listening')
    const address = neighbour.address()
    here = typeof address === 'object' && address !== null ? address.port : 0
  })
  after(() => neighbour.close())

  it('S1: what is dialled arrives at the cell’s own gateway, which sees what was dialled', async () => {
    const tried: readonly Dial[] = [
      ['tcp', '1.1.1.1', 80],
      ['tcp', '169.254.169.254', 80],
      ['tcp', '10.0.0.1', 443],
      ['tcp', '127.0.0.2', 80],
      ['tcp', '127.0.0.1', 443],
      ['tcp', '255.255.255.254', 53],
      ['tcp', '198.18.77.3', 5432],
      ['tcp', '::ffff:9.9.9.9', 443],
    ]
    const { cell, said, dialled } = await dials(tried)
    const arrived = tried.map(([, host, port]) => `${host.replace('::ffff:', '')}:${port}`)
    assert.deepEqual(
      Object.values(said),
      arrived.map((at) => `${at} of ${cell.id}`),
    )
    assert.deepEqual(
      dialled,
      arrived.map((at) => `tcp ${at}`),
    )
  })

  it('S1: a datagram arrives, and its answer comes from where it was sent', async () => {
    const { cell, said, dialled } = await dials([
      ['udp', '8.8.8.8', 53],
      ['udp', '198.18.0.1', 53],
      ['udp', '127.0.0.1', 53],
      ['udp', '224.0.0.251', 53],
    ])
    const answer = (from: string) => `a question of ${cell.id} from ${from}`
    assert.equal(said['udp 8.8.8.8 53'], answer('8.8.8.8:53'))
    assert.equal(said['udp 198.18.0.1 53'], answer('198.18.0.1:53'))
    assert.equal(said['udp 127.0.0.1 53'], answer('127.0.0.1:53'))
    assert.ok(!dialled.includes('udp 224.0.0.251'), 'groups have no members')
  })

  it('S1: a port without a listener refuses at once, and IPv6 has no way', async () => {
    const { said, dialled } = await dials([
      ['tcp', '1.1.1.1', 22],
      ['tcp', '127.0.0.1', here],
      ['tcp', '1.1.1.1', 7070],
      ['udp', '1.1.1.1', 443],
      ['udp', '10.0.0.1', 4_789],
      ['tcp', '2606:4700:4700::1111', 443],
      ['udp', '2001:4860:4860::8888', 53],
      ['tcp', '::1', 443],
      ['tcp', 'fe80::1', 80],
    ])
    for (const refused of ['tcp 1.1.1.1 22', `tcp 127.0.0.1 ${here}`, 'tcp 1.1.1.1 7070', 'tcp ::1 443'])
      assert.match(String(said[refused]), /^(ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH)$/, refused)
    for (const refused of ['udp 1.1.1.1 443', 'udp 10.0.0.1 4789']) assert.equal(said[refused], 'ECONNREFUSED', refused)
    for (const away of ['tcp 2606:4700:4700::1111 443', 'udp 2001:4860:4860::8888 53', 'tcp fe80::1 80'])
      assert.match(String(said[away]), /^(ENETUNREACH|EADDRNOTAVAIL|EHOSTUNREACH|EINVAL)$/, away)
    assert.deepEqual(dialled, [])
  })

  it('S3: the listener of 127.0.0.1 is as it was, and stands beside', async () => {
    const { cell, said } = await dials([['tcp', '127.0.0.1', 7070]])
    assert.equal(said['tcp 127.0.0.1 7070'], `127.0.0.1:7070 of ${cell.id}`)
  })

  it('S3: two cells dial one address and never meet', async () => {
    const tried: readonly Dial[] = [
      ['tcp', '198.18.0.7', 443],
      ['udp', '198.18.0.7', 53],
      ['tcp', '198.18.0.7', 9_000],
    ]
    // One of them serves on all its addresses.
    const serving = await launched(
      spec(
        [
          NODE,
          '-e',
          'require("net").createServer((s) => s.end("met")).listen(9000, "0.0.0.0", () => console.log("up"))',
        ],
        {
          anywhere: WEB,
        },
      ),
    )
    const output = outputOf(serving)
    serving.start()
    await until('it serves', () => output.said().includes('up'))
    const both = await Promise.all([dials(tried), dials(tried)])
    for (const { cell, said } of both) {
      assert.equal(said['tcp 198.18.0.7 443'], `198.18.0.7:443 of ${cell.id}`)
      assert.equal(said['udp 198.18.0.7 53'], `a question of ${cell.id} from 198.18.0.7:53`)
      assert.equal(said['tcp 198.18.0.7 9000'], 'ECONNREFUSED')
    }
    await serving.teardown()
  })

  it('S1: a cell cannot change the route, its interfaces, or take a door', async () => {
    const { said, dialled } = await meets('routes.ts', [])
    for (const [attempt, answer] of Object.entries(said).filter(([name]) => name.startsWith('netlink')))
      assert.equal(answer, -1, attempt)
    assert.ok(Object.keys(said).filter((name) => name.startsWith('netlink')).length >= 8)
    for (const attempt of ['a mark', 'transparent', 'unshare network', 'raw socket', 'packet socket'])
      assert.ok(Number(said[attempt]) < 0, `${attempt}: ${said[attempt]}`)
    for (const door of Object.keys(said).filter((name) => name.startsWith('bind')))
      assert.match(String(said[door]), /^-(13|98)$/, door)
    assert.equal(said.afterwards, '1.1.1.1:443')
    assert.deepEqual(dialled, ['tcp 1.1.1.1:443'])
  })

  it('S8: the kernel’s table tells of every door, and of none once they are closed', async () => {
    const cell = await launched(spec([NODE, '-e', 'setInterval(() => {}, 1000)'], { anywhere: WEB }))
    assert.equal(await cell.connections(process.pid), 1 + WEB.length)
    const gateway = await answering(cell)
    cell.start()
    assert.ok(
      cell.listeners.every(({ open }) => !open),
      'K2: the warden keeps no copy',
    )
    assert.equal(await cell.connections(process.pid), 1 + WEB.length)
    assert.ok((await cell.freeze()).ok)
    await gateway.close()
    assert.equal(await cell.connections(process.pid), 0)
    const again = await cell.listenAgain()
    assert.ok(again.ok, JSON.stringify(again))
    assert.equal(again.value.length, 1 + WEB.length)
    assert.equal(await cell.connections(process.pid), 1 + WEB.length)
    for (const handle of again.value) handle.close()
    assert.equal(await cell.connections(process.pid), 0)
    assert.ok((await cell.teardown()).gone)
  })

  it('S8: doors that are made anew are where the old ones were', async () => {
    const wanted = spec([
      NODE,
      '/opt/attacks/anywhere.ts',
      JSON.stringify([
        ['tcp', '1.1.1.1', 443],
        ['udp', '8.8.8.8', 53],
      ]),
    ])
    const cell = await launched({ ...wanted, anywhere: WEB })
    for (const listener of cell.listeners) listener.close()
    const again = await cell.listenAgain()
    assert.ok(again.ok, JSON.stringify(again))
    const gateway: Answering = await answering(cell, again.value)
    const output = outputOf(cell)
    cell.start()
    await cell.exited
    assert.equal(lastReport(await output.stdout, '')['tcp 1.1.1.1 443'], `1.1.1.1:443 of ${cell.id}`)
    assert.deepEqual(gateway.dialled, ['tcp 1.1.1.1:443', 'udp 8.8.8.8'])
    await gateway.close()
    await cell.teardown()
  })

  it('S17: a cell has as many doors as it may', async () => {
    const cell = await launched(spec(['sleep', '60'], FULL_HOUSE))
    const wanted = socketsOf(cell.receipt).map(({ transport }) => transport)
    assert.equal(wanted.length, 32)
    assert.deepEqual(
      cell.listeners.map(({ fd }) => transportOf(fd)),
      wanted,
    )
    const beside = await cell.listenAgain()
    assert.ok(!beside.ok && /EADDRINUSE/.test(beside.reason), 'K5: never beside those that stand')
    for (const listener of cell.listeners) listener.close()
    const again = await cell.listenAgain()
    assert.ok(again.ok, JSON.stringify(again))
    assert.deepEqual(
      again.value.map(({ fd }) => transportOf(fd)),
      wanted,
    )
    assert.equal(await cell.connections(process.pid), 32)
    for (const handle of again.value) handle.close()
    assert.ok((await cell.teardown()).gone)
  })

  it('without a gateway behind them every address refuses at once', async () => {
    const { stdout, stderr } = await ran(
      spec(
        [
          NODE,
          '/opt/attacks/anywhere.ts',
          JSON.stringify([
            ['tcp', '1.1.1.1', 443],
            ['udp', '8.8.8.8', 53],
          ]),
        ],
        {
          anywhere: WEB,
        },
      ),
    )
    assert.deepEqual(lastReport(stdout, stderr), {
      'tcp 1.1.1.1 443': 'ECONNREFUSED',
      'udp 8.8.8.8 53': 'ECONNREFUSED',
    })
  })

  it('names are asked where every address leads; a cell without that asks nobody', async () => {
    const files = ['sh', '-c', 'cat /etc/resolv.conf /etc/nsswitch.conf'] as const
    const named = await ran(spec(files, { anywhere: WEB }))
    assert.match(named.stdout, /^nameserver 198\.18\.0\.1\n/)
    assert.match(named.stdout, /^hosts: files dns$/m)
    const text = { text: 'x', to: '/etc/tool.conf' }
    assert.equal((await ran(spec(files, { anywhere: WEB, texts: [text] }))).stdout, named.stdout)
    const today = 'options attempts:1 timeout:1\npasswd: files\ngroup: files\nhosts: files\n'
    for (const changes of [{}, { anywhere: WEB.filter(({ transport }) => transport === 'tcp') }, { texts: [text] }])
      assert.equal((await ran(spec(files, changes))).stdout, today)
  })

  it('S13: the /etc that names are looked up by goes with the warden', async () => {
    const base = hostDirectory()
    chmodSync(base, 0o755)
    const runDirectory = join(base, 'run')
    const opened = await openWarden({ runDirectory })
    assert.ok(opened.ok)
    const made = () =>
      readdirSync(join(runDirectory, 'runs')).flatMap((run) => readdirSync(join(runDirectory, 'runs', run)))
    try {
      assert.ok(!made().includes('etc-dns'), 'nobody has asked for it')
      const cell = await opened.value.launch(spec(['true'], { anywhere: WEB }))
      assert.ok(cell.ok, JSON.stringify(cell))
      assert.ok(made().includes('etc-dns'))
    } finally {
      await opened.value.close()
    }
    assert.deepEqual(readdirSync(join(runDirectory, 'runs')), [])
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(runDirectory))
  })

  it('programs find a name, also those that ask for IPv4 alone and only where there is an address of it', async () => {
    const look = `const { ADDRCONFIG, lookup } = require("dns")
      const found = (options) => new Promise((told) => lookup("a.example", options, (error, at) => told(error?.code ?? at)))
      ;(async () => {
        const ways = [{}, { family: 4, hints: ADDRCONFIG }, { hints: ADDRCONFIG }, { family: 6 }]
        console.log(JSON.stringify({ found: await Promise.all(ways.map(found)) }))
      })()`
    const cell = await launched(spec([NODE, '-e', look], { anywhere: WEB }))
    const gateway = await answering(cell)
    const output = outputOf(cell)
    cell.start()
    await cell.exited
    const { found } = lastReport(await output.stdout, await output.stderr)
    const at = '198.18.0.9'
    assert.ok(Array.isArray(found))
    assert.deepEqual(found.slice(0, 3), [at, at, at])
    assert.match(String(found[3]), /^E/, 'there is no IPv6')
    assert.ok(gateway.dialled.every((dial) => dial === 'udp 198.18.0.1'))
    await gateway.close()
    await cell.teardown()
  })

  it('control: the neighbour on the host is there', async () => {
    const [chunk] = await once(connect(here, '127.0.0.1'), 'data')
    assert.equal(String(chunk), 'the host')
  })
})

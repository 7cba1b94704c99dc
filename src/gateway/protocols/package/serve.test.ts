/** Tests of serving a registry, without a cell: a registry on loopback, and answers that are read, or not. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { declared, doorHere, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { type ToolName, toolName, upstreamName } from '../../../model/index.ts'
import { Room } from '../../fairness/room.ts'
import { Slots } from '../../fairness/slots.ts'
import type { UpstreamSetup } from '../../link/setup.ts'
import type { WebReply, WebRequest } from '../../web/web-request.ts'
import type { DialOptions, LineOptions } from '../protocol.ts'
import { packageToolsOf } from './contract.ts'
import { PACKAGE } from './index.ts'
import { LISTS_KNOWN_BYTES_MAX, PackageLine } from './line.ts'
import { PackageDesk } from './lists/package-desk.ts'
import { PINNED_BYTES_KEPT } from './pinned-reply.ts'
import { type PackagePolicy, PackageRules } from './rules/package-policy.ts'
import { servePackage } from './serve.ts'

const NAMED: PackagePolicy = {
  ...{ ecosystem: 'npm', ageMsMin: 0, youngAllowed: [], denied: [], pins: [], scripts: [], resembling: [] },
}
const FILE = Buffer.alloc(5 * PINNED_BYTES_KEPT, 'a')
const OTHER = Buffer.concat([FILE.subarray(1), Buffer.from('b')])
const sha512 = (bytes: Uint8Array) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`

/** The statuses with which a registry answers. */
interface Statuses {
  readonly list?: number
  readonly file?: number
}

/** A registry whose list says of `plain` 1.0.0 that it has the digest of `said`, and gives out `given`. */
async function registry(given: Uint8Array, said: Uint8Array, filler = '', { list = 200, file = 200 }: Statuses = {}) {
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    response.statusCode = url.includes('/-/') ? file : list
    if (response.statusCode !== 200) response.setHeader('location', '/other/-/other-1.0.0.tgz')
    if (url.includes('/-/')) return void response.setHeader('content-type', 'application/octet-stream').end(given)
    const tarball = `${text}/plain/-/plain-1.0.0.tgz`
    const version = { name: 'plain', version: '1.0.0', filler, dist: { tarball, integrity: sha512(said) } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ name: 'plain', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  const text = `http://127.0.0.1:${port}`
  return { text, asked }
}

/** Opens a line to a registry, and the gateway of a cell that may use it. */
async function opened(
  text: string,
  policy: Partial<PackagePolicy> = {},
  granted: readonly string[] = ['list', 'file'],
) {
  const tools = packageToolsOf(declared('package', 'list', 'file'))
  const rules = new PackageRules({ ...NAMED, ...policy })
  const line = new PackageLine({ ...originHere(text, tools), rules, desk: new PackageDesk() })
  const names = granted.map((each): ToolName => toolName(`package:${each}`))
  const gateway = await gatewayTo(line, names)
  const [room, slots] = [new Room(10_000_000), new Slots(1)]
  const serve = (request: WebRequest, reply: WebReply) =>
    servePackage(gateway.gate, gateway.cell, line, { request, reply, room, slots })
  return { ...gateway, line, room, serve }
}

describe('what is served of a registry', () => {
  it('S17: a list that nobody reads keeps its slot and its room until it is read, or whoever asked has gone', async () => {
    const filler = 'x'.repeat(1_000_000)
    const { text, asked } = await registry(FILE, FILE, filler)
    const { serve, room } = await opened(text)
    const [first, second] = [new UnreadReply(), new UnreadReply()]
    const served = [first, second].map((reply) => serve(asking('/plain'), reply))
    await until('the first has come', () => first.bytes > filler.length)
    assert.deepEqual([asked.length, second.bytes, first.isOver], [1, 0, false])
    assert.equal(room.take(9_500_000), false, 'what is not read is held')
    first.read()
    await until('the second has come', () => second.bytes > filler.length)
    assert.deepEqual([asked.length, first.isOver, second.isOver], [2, true, false])
    second.leaves()
    await Promise.all(served)
    assert.equal(room.take(10_000_000), true, 'nothing is held any more')
  })

  it('S15: a file whose list may not be asked for is refused once, and in words', async () => {
    const { text, asked } = await registry(FILE, FILE)
    const { serve, entries } = await opened(text, {}, ['file'])
    const door = await doorHere(serve)
    const answer = await fetch(`${door.url}/plain/-/plain-1.0.0.tgz`)
    assert.equal(answer.status, 403)
    assert.match(await answer.text(), /^refused by Firebreak: it may not do this \(reference a_/)
    assert.deepEqual([(await entries()).map(({ kind }) => kind), asked, door.failed], [['action.refused'], [], []])
  })

  it('PK3: the file of a version that is pinned is a pinned one, whatever its list says, or is cut before its end', async () => {
    const pins = [{ name: 'plain', version: '1.0.0', integrity: [sha512(FILE)] }]
    for (const [given, problem] of [
      [FILE, undefined],
      [OTHER, 'it is another file than the one that is pinned'],
      [Buffer.from('short'), 'it is another file than the one that is pinned'],
    ] as const) {
      const { text } = await registry(given, FILE)
      const { serve, entries } = await opened(text, { pins })
      const door = await doorHere(serve)
      const answer = await fetch(`${door.url}/plain/-/plain-1.0.0.tgz`)
      assert.equal(answer.status, 200)
      const came = await bytesOf(answer)
      assert.deepEqual([came.whole, came.bytes === given.length], [problem === undefined, problem === undefined])
      if (problem !== undefined) assert.ok(came.bytes <= Math.max(0, given.length - PINNED_BYTES_KEPT))
      await until('its outcome is known', async () => (await entries()).filter(isOutcome).length === 2)
      const outcome = (await entries()).filter(isOutcome).at(-1)
      assert.equal(JSON.stringify(outcome).includes(String(problem)), problem !== undefined, JSON.stringify(outcome))
    }
  })

  for (const method of ['GET', 'HEAD'])
    it(`PK3: under another status than 200 a pinned file is none, and where it leads to is not told (${method})`, async () => {
      const pins = [{ name: 'plain', version: '1.0.0', integrity: [sha512(FILE)] }]
      for (const file of [203, 206, 300, 302, 304, 307]) {
        for (const given of [OTHER, FILE]) {
          const { text } = await registry(given, FILE, '', { file })
          const { serve, entries } = await opened(text, { pins })
          const door = await doorHere(serve)
          const answer = await fetch(`${door.url}/plain/-/plain-1.0.0.tgz`, { method, redirect: 'manual' })
          assert.deepEqual([answer.status, answer.headers.get('location')], [403, null], `${file}`)
          const came = await answer.text()
          if (method === 'GET') assert.match(came, new RegExp(`HTTP ${file}.*reference a_`))
          const [outcome] = (await entries()).filter(isOutcome).slice(-1)
          assert.match(JSON.stringify(outcome), new RegExp(`HTTP ${file}`))
        }
      }
      const { text } = await registry(Buffer.from('none'), FILE, '', { file: 404 })
      const door = await doorHere((await opened(text, { pins })).serve)
      const answer = await fetch(`${door.url}/plain/-/plain-1.0.0.tgz`, { method })
      assert.deepEqual([answer.status, await answer.text()], [404, method === 'GET' ? 'none' : ''])
    })

  it('PK1: what comes under another status than 200 is no list, and is not shown as one', async () => {
    for (const list of [203, 206, 300, 302]) {
      const { text } = await registry(FILE, FILE, '', { list })
      const door = await doorHere((await opened(text)).serve)
      const answer = await fetch(`${door.url}/plain`, { redirect: 'manual' })
      assert.deepEqual([answer.status, answer.headers.get('location')], [502, null], `${list}`)
      assert.match(await answer.text(), new RegExp(`^refused by Firebreak: .*HTTP ${list}`))
    }
    const { text } = await registry(FILE, FILE, '', { list: 404 })
    const door = await doorHere((await opened(text)).serve)
    assert.equal((await fetch(`${door.url}/plain`)).status, 404)
  })

  it('S17: its rules are made once for all cells, however many lines a deny list has', () => {
    const means = { elsewhere: [] } as unknown as DialOptions // nothing connects
    const dial = PACKAGE.dialler(means)
    const server = { kind: 'origin', packages: NAMED, url: 'http://127.0.0.1:1', headers: [], secrets: [] } as const
    const setup: UpstreamSetup = { name: upstreamName('npm'), server, tools: [] }
    const lines = [0, 1].map((number) => dial(setup, { number } as LineOptions)) // nothing is told
    const [first, second] = lines.map((line) => line instanceof PackageLine && line.rules)
    assert.ok(first instanceof PackageRules && first === second)
    const [desk, same] = lines.map((line) => line instanceof PackageLine && line.desk)
    assert.ok(desk instanceof PackageDesk && desk === same, 'and its lists are read at one desk')
  })

  it('S17: remembers so much of what lists said, and the newest of it', () => {
    const rules = new PackageRules(NAMED)
    const line = new PackageLine({ ...originHere('http://127.0.0.1:1', new Map()), rules, desk: new PackageDesk() })
    const release = (length: number) => ({
      ...{ version: '1.0.0', url: 'x'.repeat(length), integrity: [], refusal: undefined },
      verdict: { allowed: true } as const,
    })
    const third = release(LISTS_KNOWN_BYTES_MAX / 3)
    for (const name of ['a', 'b', 'c']) line.remember(name, [third], 0)
    assert.deepEqual(
      ['a', 'b', 'c'].map((name) => line.releasesOf(name, 0)?.length),
      [undefined, 1, 1],
    )
    line.remember('d', [release(LISTS_KNOWN_BYTES_MAX)], 0)
    assert.deepEqual([line.releasesOf('d', 0), line.releasesOf('c', 0)?.length], [undefined, 1])
  })
})

const isOutcome = ({ kind }: { readonly kind: string }) => kind === 'action.outcome'

async function bytesOf(answer: Response): Promise<{ readonly bytes: number; readonly whole: boolean }> {
  let bytes = 0
  try {
    for await (const piece of answer.body ?? []) bytes += (piece as Uint8Array).length
    return { bytes, whole: true }
  } catch {
    return { bytes, whole: false }
  }
}

function asking(target: string): WebRequest {
  const place = { scheme: 'https', host: 'registry.npmjs.org', port: 443 } as const
  const body = { resume: () => undefined } as unknown as WebRequest['body'] // it has none
  return { place, method: 'GET', target, headers: [], length: undefined, hasBody: false, body }
}

/** An answer of which nothing is read before a test does. */
class UnreadReply implements WebReply {
  bytes = 0
  isOver = false
  hasBegun = false
  readonly #gone = new AbortController()
  readonly #waiting: (() => void)[] = []

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  begin(): boolean {
    this.hasBegun = true
    return true
  }

  write(piece: Uint8Array): boolean {
    this.bytes += piece.length
    return false
  }

  drained(then: () => void): void {
    this.#waiting.push(then)
    this.gone.addEventListener('abort', then, { once: true })
  }

  read(): void {
    for (const then of this.#waiting.splice(0)) then()
  }

  leaves(): void {
    this.#gone.abort()
  }

  end(): void {
    this.isOver = true
  }

  cut(): void {
    this.isOver = true
  }

  refuse(_: number, sentence: string): void {
    assert.fail(sentence)
  }
}

// In a process of its own: it measures turns of the event loop.
/** Tests of serving a git server, without a cell: a real server, and requests as git writes them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { PassThrough } from 'node:stream'
import { before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type GitServer, git, gitServer } from '../../../../test/kit/git-server.ts'
import { declared, doorHere, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import type { Entry } from '../../../model/entry.ts'
import type { JsonObject } from '../../../model/index.ts'
import { Room } from '../../fairness/room.ts'
import type { WebReply, WebRequest } from '../../web/web-request.ts'
import { STILL_MS_MAX } from './body-pieces.ts'
import { gitToolsOf } from './contract.ts'
import { GitLine } from './line.ts'
import { PACK_HELD_BYTES_MAX } from './pack/pack-walk.ts'
import { DELIMITER, FLUSH, pkt } from './pkt-line.ts'
import { serveGit } from './serve.ts'

const NONE = '0'.repeat(40)
const CAPABILITIES = '\0 report-status side-band-64k'
const [MAIN, AGENT, HIDDEN] = ['refs/heads/main', 'refs/heads/agent/x', 'refs/heads/hidden'] as const

describe('what is served of a git server', () => {
  let server: GitServer
  const at: Record<string, string> = {}

  before(async () => {
    server = await gitServer(['shop/desk.git'])
    const work = temporaryDirectory()
    await git(work, 'init', '-q')
    for (const name of ['one', 'two', 'three']) await git(work, 'commit', '-q', '--allow-empty', '-m', name)
    const place = join(server.directory, 'shop/desk.git')
    await git(work, 'push', '-q', place, 'HEAD~1:refs/heads/main', 'HEAD:refs/heads/hidden', `HEAD~2:${AGENT}`)
    await git(work, 'commit', '-q', '--amend', '--allow-empty', '-m', 'other')
    await git(work, 'push', '-q', place, 'HEAD:refs/heads/agent/other')
    await git(work, 'tag', '-a', '-m', 'nobody knows', 'internal/breach', 'HEAD~1')
    await git(work, 'push', '-q', place, 'refs/tags/internal/breach')
    at.tag = (await git(place, 'rev-parse', 'refs/tags/internal/breach')).trim()
    for (const ref of [MAIN, AGENT, HIDDEN, 'refs/heads/agent/other'])
      at[ref] = (await git(place, 'rev-parse', ref)).trim()
  })

  /** Opens a door to the server for a cell that may use these patterns. */
  async function opened(...patterns: readonly string[]) {
    const tools = gitToolsOf(declared('git', ...patterns))
    const line = new GitLine(originHere(server.url, tools))
    const gateway = await gatewayTo(line, [...tools.keys()])
    const room = new Room(2 * PACK_HELD_BYTES_MAX)
    const serve = (request: WebRequest, reply: WebReply) =>
      serveGit(gateway.gate, gateway.cell, line, { request, reply, room })
    const door = await doorHere(serve)
    server.exchanges.length = 0
    const post = async (service: string, body: Uint8Array, version = 2, gzip = false) => {
      const type = `application/x-git-${service}-request`
      const headers = {
        'content-type': type,
        ...(service === 'upload-pack' && { 'git-protocol': `version=${version}` }),
        ...(gzip && { 'content-encoding': 'gzip' }),
      }
      const answer = await fetch(`${door.url}/shop/desk.git/git-${service}`, { method: 'POST', headers, body })
      return answer.text()
    }
    const refused = async () =>
      (await gateway.entries()).filter(
        (entry): entry is Extract<Entry, { kind: 'action.refused' }> => entry.kind === 'action.refused',
      )
    return {
      ...door,
      serve,
      room,
      refused,
      post,
      intents: async () =>
        (await gateway.entries()).flatMap((entry) =>
          entry.kind === 'action.intent' ? [entry.args as JsonObject] : [],
        ),
      list: async (service: string) =>
        (await fetch(`${door.url}/shop/desk.git/info/refs?service=git-${service}`)).text(),
      want: (object: string, ...lines: readonly string[]) =>
        post(
          'upload-pack',
          Buffer.concat([
            ...[pkt('command=fetch\n'), DELIMITER, pkt(`want ${object}\n`)],
            ...[...lines, 'done'].map((each) => pkt(`${each}\n`)),
            FLUSH,
          ]),
        ),
      push: (ref: string, from: string, to: string, pack: Uint8Array = EMPTY_PACK) =>
        post('receive-pack', Buffer.concat([pkt(`${from} ${to} ${ref}${CAPABILITIES}\n`), FLUSH, pack])),
    }
  }

  it('GS1: an object that the list of a push has shown is none that may be fetched', async () => {
    const cell = await opened(`shop/desk ${MAIN}: fetch`, 'shop/desk refs/heads/agent/*: push')
    assert.match(await cell.list('receive-pack'), /agent\/other/)
    assert.match(await cell.want(at['refs/heads/agent/other'] ?? ''), /refused by Firebreak: .* was shown/)
    assert.match(await cell.want(at[MAIN] ?? ''), /packfile/)
  })

  it('GS1: where a history is cut at a ref tells nothing of one that is hidden', async () => {
    const cell = await opened(`shop/desk ${MAIN}: fetch`)
    await cell.list('upload-pack')
    assert.match(await cell.want(at[MAIN] ?? '', `deepen-not ${HIDDEN}`), /refused by Firebreak: refs\/heads\/hidden/)
    assert.doesNotMatch(await cell.want(at[MAIN] ?? '', `deepen-not ${MAIN}`), /refused by Firebreak/)
  })

  for (const version of [0, 2])
    it(`GS1: a tag that is hidden does not come with what it names, nor is it asked for (version ${version})`, async () => {
      const cell = await opened(`shop/desk ${MAIN}: fetch`)
      await cell.list('upload-pack')
      const [main = '', tag = ''] = [at[MAIN], at.tag]
      const asked = (...capabilities: readonly string[]) =>
        version === 0
          ? [pkt(`want ${main} ${capabilities.join(' ')}\n`), FLUSH, pkt('done\n')]
          : [
              ...[pkt('command=fetch'), DELIMITER, pkt(`want ${main}\n`)],
              ...[...capabilities, 'done'].map((each) => pkt(`${each}\n`)),
              FLUSH,
            ]
      const body = Buffer.concat(asked('ofs-delta', 'include-tag', 'no-progress'))
      assert.match(await cell.post('upload-pack', body, version), /PACK/)
      const sent = server.exchanges.at(-1)?.body
      assert.deepEqual(sent?.toString(), Buffer.concat(asked('ofs-delta', 'no-progress')).toString())
      const place = join(temporaryDirectory(), 'clone')
      await git(
        temporaryDirectory(),
        '-c',
        `protocol.version=${version}`,
        'clone',
        '-q',
        `${cell.url}/shop/desk`,
        place,
      )
      await assert.rejects(git(place, 'cat-file', '-e', tag))
      assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true, 'nothing is held any more')
      // Who may have everything asks for it as ever.
      const whole = await opened('shop/desk: fetch')
      assert.match(await whole.post('upload-pack', body, version), /PACK/)
      assert.deepEqual(server.exchanges.at(-1)?.body, body)
    })

  it('S14: a long fetch takes some milliseconds of a turn, and is served', async (t) => {
    const cell = await opened(`shop/desk ${MAIN}: fetch`)
    await cell.list('upload-pack')
    const haves = Array.from({ length: 41_000 }, (_, i) => `0032have ${i.toString(16).padStart(40, 'a')}\n`)
    const body = Buffer.concat([
      ...[pkt('command=fetch\n'), DELIMITER, pkt(`want ${at[MAIN]}\n`)],
      ...[Buffer.from(haves.join('')), pkt('done\n'), FLUSH],
    ])
    const packed = gzipSync(body, { level: 1 })
    const turns = slowestTurn()
    t.after(turns.end)
    assert.match(await cell.post('upload-pack', body), /packfile/)
    assert.match(await cell.post('upload-pack', packed, 2, true), /packfile/)
    const slowest = turns.end()
    assert.ok(slowest < 40, `${slowest} ms of the thread in one turn`)
    assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true, 'nothing is held any more')
  })

  it('S14: a fetch that says the same over and over is refused before it was read', async (t) => {
    const cell = await opened(`shop/desk ${MAIN}: fetch`)
    const list = Buffer.from(`0014command=ls-refs\n0001${'0008peel'.repeat(262_000)}0000`)
    const packed = gzipSync(list)
    const turns = slowestTurn()
    t.after(turns.end)
    const answers = await Promise.all([
      cell.post('upload-pack', list),
      ...Array.from({ length: 4 }, () => cell.post('upload-pack', packed, 2, true)),
    ])
    const slowest = turns.end()
    assert.match(answers[0] ?? '', /refused by Firebreak: it says peel twice/)
    for (const each of answers.slice(1)) assert.match(each, /refused by Firebreak: it grows more than 100 times/)
    assert.ok(slowest < 40, `${slowest} ms of the thread in one turn`)
    assert.equal(server.exchanges.length, 0)
    assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true, 'nothing is held any more')
  })

  it('S17: what a fetch unpacks takes room of its cell', async () => {
    const cell = await opened('shop/desk: fetch')
    const haves = Array.from({ length: 40_000 }, () => `0032have ${randomBytes(20).toString('hex')}\n`)
    const body = Buffer.concat([
      ...[pkt('command=fetch\n'), DELIMITER, pkt(`want ${at[MAIN]}\n`)],
      ...[Buffer.from(haves.join('')), pkt('done\n'), FLUSH],
    ])
    const packed = gzipSync(body)
    const left = packed.length + body.length - 1
    assert.ok(cell.room.take(2 * PACK_HELD_BYTES_MAX - left))
    assert.match(await cell.post('upload-pack', packed, 2, true), /too much is being read of its cell at once/)
    assert.ok(cell.room.take(left), 'nothing is held any more')
  })

  it('GS2: nobody is asked about history where a push is refused anyway, or for what the cell was not shown', async () => {
    const shown = [`shop/desk ${MAIN}: fetch`, 'shop/desk refs/heads/agent/*: fetch, push'] as const
    const cell = await opened(...shown)
    await cell.list('receive-pack')
    server.exchanges.length = 0
    const [main = '', agent = '', hidden = ''] = [at[MAIN], at[AGENT], at[HIDDEN]]
    assert.match(await cell.push(MAIN, agent, main), /ng refs\/heads\/main it changes refs\/heads\/main .* not granted/)
    assert.match(await cell.push(AGENT, agent, hidden), /may lose commits of refs\/heads\/agent\/x/)
    assert.equal(server.exchanges.length, 0)
    const [first] = await cell.refused()
    assert.equal((first?.args as { readonly repository?: string } | undefined)?.repository, 'shop/desk')
    // Of what was shown it is asked, and told that it is a fast-forward.
    assert.match(await cell.push(AGENT, agent, main), /ok refs\/heads\/agent\/x/)
    assert.deepEqual(
      server.exchanges.map(({ target }) => target.slice(target.lastIndexOf('/') + 1)),
      ['git-upload-pack', 'git-receive-pack'],
    )
  })

  it('S17: what is refused at its head is refused before its pack has come, and the rest of it comes and goes', async () => {
    const cell = await opened('shop/desk refs/heads/agent/*: push')
    const body = Buffer.concat([EMPTY_PACK, Buffer.alloc(20_000_000)])
    assert.match(await cell.push(MAIN, NONE, at[MAIN] ?? '', body), /ng refs\/heads\/main it changes/)
    assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true, 'nothing of it is held')
  })

  it('S17: a push of which nothing more comes is refused, and what was held of it is free', async (t) => {
    const cell = await opened('shop/desk refs/heads/agent/*: push')
    const body = new PassThrough()
    const refused: string[] = []
    const place = { scheme: 'http', host: '127.0.0.1', port: 80 } as const
    const headers = [['content-type', 'application/x-git-receive-pack-request']] as const
    const request = { place, method: 'POST', target: '/shop/desk.git/git-receive-pack', headers, length: undefined }
    const reply: WebReply = {
      gone: new AbortController().signal,
      hasBegun: false,
      begin: () => true,
      write: (piece) => refused.push(Buffer.from(piece).toString()) > 0,
      drained: (then) => then(),
      end: () => undefined,
      cut: () => undefined,
      refuse: () => undefined,
    }
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const served = cell.serve({ ...request, hasBody: true, body }, reply)
    body.write(
      Buffer.concat([pkt(`${at[AGENT]} ${at[MAIN]} ${AGENT}${CAPABILITIES}\n`), FLUSH, EMPTY_PACK.subarray(0, 9)]),
    )
    // Its head has been read when something of it is held.
    for (let turns = 0; cell.room.take(2 * PACK_HELD_BYTES_MAX) && turns < 10_000; turns++) {
      cell.room.give(2 * PACK_HELD_BYTES_MAX)
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.mock.timers.tick(STILL_MS_MAX)
    await served
    assert.match(refused.join(''), /refused by Firebreak: it stood still/)
    assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true)
  })

  it('a push that its sender breaks off is no fault of the gateway’s, and holds nothing', async () => {
    const cell = await opened('shop/desk refs/heads/agent/*: push')
    const head = 'POST /shop/desk.git/git-receive-pack HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n'
    const type = 'content-type: application/x-git-receive-pack-request\r\n\r\n'
    const whole = Buffer.concat([
      pkt(`${at[AGENT]} ${at[MAIN]} ${AGENT}${CAPABILITIES}\n`),
      FLUSH,
      EMPTY_PACK.subarray(0, 9),
    ])
    for (const [i, part] of [whole.subarray(0, 30), whole].entries()) {
      const socket = connect(cell.port, '127.0.0.1')
      socket.write(head + type)
      socket.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]))
      await until('it is being served', () => cell.requests.came === i + 1)
      socket.destroy()
      await until('it is over', () => cell.requests.served === i + 1)
    }
    assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true)
    assert.deepEqual([cell.failed, server.exchanges.length], [[], 0])
  })
})

/** Measures the processor time of this thread that the longest turn of the loop takes. */
function slowestTurn() {
  const now = () => process.threadCpuUsage().user / 1_000
  let [slowest, last, goes] = [0, now(), true]
  const look = () => {
    slowest = Math.max(slowest, now() - last)
    last = now()
    if (goes) setImmediate(look)
  }
  setImmediate(look)
  return {
    end: () => {
      goes = false
      return Math.round(slowest)
    },
  }
}

/** A pack without objects, as git sends it with what is there already. */
const EMPTY_PACK = Buffer.from(
  'PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e',
  'latin1',
)

/** Files of LFS: a server that names places elsewhere and signs them, and a cell that is shown neither. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { type GitServer, git, gitServer } from '../../../../../test/kit/git-server.ts'
import { declared, doorHere, gatewayTo, originHere } from '../../../../../test/kit/origin-here.ts'
import { cleanUp, temporaryDirectory } from '../../../../../test/kit/temporary.ts'
import { createServer } from '../../../../model/host/node-http.ts'
import type { Label, PersonName } from '../../../../model/index.ts'
import { openSecrets, type Secrets } from '../../../content/secrets.ts'
import { Room } from '../../../fairness/room.ts'
import { readOrigin } from '../../../origins/origin.ts'
import { gitToolsOf } from '../contract.ts'
import { GitLine } from '../line.ts'
import { PACK_HELD_BYTES_MAX } from '../pack/pack-walk.ts'
import { serveGit } from '../serve.ts'

const TYPE = 'application/vnd.git-lfs+json'
const SIGNED = 'signed-for-one-hour'
const OWNERS = 'Basic of-its-owner'
const oidOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A place elsewhere that keeps files for whoever has a signature and a header. */
async function storage() {
  const files = new Map<string, Buffer>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    asked.push(`${method} ${url}`)
    if (it.says !== undefined) return void it.says(response)
    const [path = '', query] = url.split('?')
    if (query !== `by=${SIGNED}` || ![undefined, `Token ${SIGNED}`].includes(headers.authorization))
      return void response.writeHead(401).end()
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const oid = path.slice(path.lastIndexOf('/') + 1)
      // As storage with signed addresses does: it takes nothing that does not say how long it is.
      if (method === 'PUT' && headers['content-length'] === undefined) return void response.writeHead(411).end()
      if (method === 'PUT') files.set(oid, Buffer.concat(pieces))
      const file = files.get(oid)
      if (method === 'GET') return void response.writeHead(file === undefined ? 404 : 200).end(file)
      response.writeHead(200).end()
    })
    request.on('error', () => undefined)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  const it: {
    readonly url: string
    readonly files: typeof files
    readonly asked: typeof asked
    /** Answers in its place, where it is set. */
    says: ((response: ServerResponse) => unknown) | undefined
  } = { url: `http://127.0.0.1:${port}`, files, asked, says: undefined }
  return it
}

/** Has a git server answer batches with places of a storage. */
function answersBatches(server: GitServer, url: string): void {
  server.answers = ({ target, body }) => {
    if (!target.endsWith('/info/lfs/objects/batch')) return undefined
    const { operation, objects } = JSON.parse(body.toString()) as {
      readonly operation: string
      readonly objects: readonly { readonly oid: string; readonly size: number }[]
    }
    const at = (way: string, oid: string) => ({
      href: `${url}/${way}/${oid}?by=${SIGNED}`,
      header: { Authorization: `Token ${SIGNED}`, 'Transfer-Encoding': 'chunked' },
      expires_in: 3600,
    })
    const said = objects.map(({ oid, size }) => ({
      ...{ oid, size, authenticated: true },
      actions:
        operation === 'download' ? { download: at('f', oid) } : { upload: at('f', oid), verify: at('verify', oid) },
    }))
    const answer = Buffer.from(JSON.stringify({ transfer: 'basic', objects: said }))
    return { status: 200, headers: [['content-type', TYPE]], body: answer }
  }
}

/** Has a git server say that a file lies at its own place, and send whoever asks there on. */
function sendsOn(server: GitServer, location: string): void {
  server.answers = ({ target, body }) => {
    if (target.startsWith('/kept/'))
      return { status: 302, headers: [['location', location]], body: Buffer.from('there') }
    const { operation, objects } = JSON.parse(body.toString()) as {
      readonly operation: string
      readonly objects: readonly { readonly oid: string; readonly size: number }[]
    }
    const said = objects.map(({ oid, size }) => ({
      ...{ oid, size },
      actions: { [operation]: { href: `${server.url}/kept/${oid}`, header: { authorization: 'for its own place' } } },
    }))
    return { status: 200, headers: [['content-type', TYPE]], body: Buffer.from(JSON.stringify({ objects: said })) }
  }
}

/** Opens a door for a cell that may use these patterns of a git server whose files lie in a storage. */
async function opened(
  patterns: readonly string[],
  { elsewhere = false, secrets }: { readonly elsewhere?: boolean; readonly secrets?: Secrets } = {},
) {
  const server = await gitServer(['shop/desk.git'])
  const kept = await storage()
  answersBatches(server, kept.url)
  const tools = gitToolsOf(declared('git', ...patterns))
  const origin = readOrigin(kept.url)
  assert.ok(origin.ok)
  const headers = () => new Map([['authorization', OWNERS]])
  const line = new GitLine({ ...originHere(server.url, tools), headers, lfs: elsewhere ? [] : [origin.value] })
  const gateway = await gatewayTo(line, [...tools.keys()])
  const room = new Room(2 * PACK_HELD_BYTES_MAX)
  const gate = { ...gateway.gate, ...(secrets && { secrets }) }
  const door = await doorHere((request, reply) => serveGit(gate, gateway.cell, line, { request, reply, room }))
  const batchOf = async (operation: 'download' | 'upload', files: readonly Uint8Array[], ref?: string) => {
    const objects = files.map((file) => ({ oid: oidOf(file), size: file.length }))
    const body = JSON.stringify({ operation, objects, ...(ref !== undefined && { ref: { name: ref } }) })
    const headers = { accept: TYPE, 'content-type': TYPE }
    const answer = await fetch(`${door.url}/shop/desk.git/info/lfs/objects/batch`, { method: 'POST', headers, body })
    return answer.text()
  }
  const batch = (operation: 'download' | 'upload', file: Uint8Array, ref?: string) => batchOf(operation, [file], ref)
  return { ...gateway, ...door, server, kept, room, batch, batchOf }
}

/** The address of an action in the answer to a batch. */
function hrefIn(answer: string, action: string): string {
  const { objects } = JSON.parse(answer) as {
    readonly objects: readonly [{ readonly actions: Readonly<Record<string, { readonly href: string }>> }]
  }
  return objects[0].actions[action]?.href ?? assert.fail(answer)
}

const FILE = Buffer.alloc(200_000, 'f')
const MAY_HAVE = ['shop/*: lfs'] as const
const MAY_SEND = [...MAY_HAVE, 'shop/desk refs/heads/agent/*: push'] as const

describe('a file of LFS', () => {
  it('LF1: S10: is had from where the server says, at a place of the gateway: no signature is shown', async () => {
    const cell = await opened(MAY_HAVE)
    cell.kept.files.set(oidOf(FILE), FILE)
    const answer = await cell.batch('download', FILE)
    assert.doesNotMatch(answer, new RegExp(SIGNED))
    const href = hrefIn(answer, 'download')
    assert.equal(href, `${cell.url}/shop/desk.git/info/lfs/objects/${oidOf(FILE)}`)
    assert.deepEqual(Buffer.from(await (await fetch(href)).arrayBuffer()), FILE)
    assert.deepEqual(cell.kept.asked, [`GET /f/${oidOf(FILE)}?by=${SIGNED}`])
    const intents = (await cell.entries()).flatMap((entry) => (entry.kind === 'action.intent' ? [entry.args] : []))
    const objects = [{ oid: oidOf(FILE), size: FILE.length }]
    const body = Buffer.from(JSON.stringify({ operation: 'download', transfers: ['basic'], objects }))
    assert.deepEqual(intents, [
      {
        ...{ repository: 'shop/desk', what: 'lfs download', objects: 1, bytes: FILE.length },
        digest: oidOf(body).slice(0, 16),
      },
      {
        ...{ repository: 'shop/desk', what: 'lfs download', object: oidOf(FILE) },
        bytes: FILE.length,
        place: cell.kept.url,
      },
    ])
    assert.doesNotMatch(JSON.stringify(await cell.entries()), new RegExp(SIGNED))
  })

  it('LF2: is asked for nowhere that its owner has not declared', async () => {
    const cell = await opened(MAY_HAVE, { elsewhere: true })
    assert.match(await cell.batch('download', FILE), /refused by Firebreak: its files lie at http:.*not declared/)
    const href = `${cell.url}/shop/desk.git/info/lfs/objects/${oidOf(FILE)}`
    assert.match(await (await fetch(href)).text(), /asked for in a batch first/)
    assert.deepEqual(cell.kept.asked, [])
  })

  it('LF1: LF2: is had from where its server sends it on, decided as a place of its own, and no address is shown', async () => {
    const [cell, elsewhere] = [await opened(MAY_HAVE), await opened(MAY_HAVE, { elsewhere: true })]
    for (const { server, kept } of [cell, elsewhere]) sendsOn(server, `${kept.url}/f/${oidOf(FILE)}?by=${SIGNED}`)
    cell.kept.files.set(oidOf(FILE), FILE)
    const had = await fetch(hrefIn(await cell.batch('download', FILE), 'download'), { redirect: 'manual' })
    assert.ok(FILE.equals(Buffer.from(await had.arrayBuffer())), `${had.status}`)
    // The header that its server has signed for its own place is not told there.
    assert.deepEqual(cell.kept.asked, [`GET /f/${oidOf(FILE)}?by=${SIGNED}`])
    const places = (await cell.entries()).flatMap((entry) =>
      entry.kind === 'action.intent' ? [(entry.args as { readonly place?: string }).place] : [],
    )
    assert.deepEqual(places, [undefined, cell.server.url, cell.kept.url])
    const href = hrefIn(await elsewhere.batch('download', FILE), 'download')
    const refused = await fetch(href, { redirect: 'manual' })
    assert.deepEqual([refused.status, refused.headers.get('location')], [403, null])
    assert.match(
      await refused.text(),
      /refused by Firebreak: its server sends it on to http:.*, which is not declared under lfs:/,
    )
    assert.deepEqual(elsewhere.kept.asked, [])
    for (const { entries } of [cell, elsewhere])
      assert.doesNotMatch(JSON.stringify(await entries()), new RegExp(SIGNED))
  })

  it('LF1: is sent on a few times at most, and what is sent is sent where it was said', async () => {
    const cell = await opened(MAY_SEND)
    sendsOn(cell.server, `${cell.server.url}/kept/${oidOf(FILE)}?by=${SIGNED}`)
    const href = hrefIn(await cell.batch('download', FILE), 'download')
    assert.match(await (await fetch(href, { redirect: 'manual' })).text(), /sends it on more than 3 times/)
    // To the server itself its owner's name goes with it, but not where another place has sent it there.
    const named = () =>
      cell.server.exchanges.map(({ headers }) => headers.find(([name]) => name === 'authorization')?.[1])
    assert.deepEqual(named(), [OWNERS, 'for its own place', OWNERS, OWNERS, OWNERS])
    cell.server.exchanges.length = 0
    sendsOn(cell.server, `${cell.kept.url}/f/${oidOf(FILE)}?by=${SIGNED}`)
    cell.kept.says = (response) => response.writeHead(302, { location: `${cell.server.url}/kept/again` }).end()
    await (await fetch(href, { redirect: 'manual' })).text()
    assert.deepEqual(named(), ['for its own place', undefined])
    const put = hrefIn(await cell.batch('upload', FILE, 'refs/heads/agent/x'), 'upload')
    const sent = await fetch(put, { method: 'PUT', body: FILE, redirect: 'manual' })
    assert.deepEqual([sent.status, sent.headers.get('location')], [403, null])
    assert.match(await sent.text(), /its server answers with 302, which is followed for no more than a file/)
  })

  it('LF1: has no other words of where it lies: neither those of an error, nor addresses beside it', async () => {
    const cell = await opened(MAY_HAVE)
    const href = hrefIn(await cell.batch('download', FILE), 'download')
    cell.kept.says = (response) =>
      response.writeHead(401, { 'www-authenticate': `Token ${SIGNED}` }).end(`<Error>by=${SIGNED}</Error>`)
    const refused = await fetch(href)
    assert.deepEqual([refused.status, await refused.text()], [403, '{"message":"the server answers with 401"}'])
    assert.doesNotMatch(JSON.stringify([...refused.headers]), new RegExp(SIGNED))
    cell.kept.says = (response) => response.writeHead(404).end(Buffer.alloc(5_000_000))
    assert.equal(await (await fetch(href)).text(), '{"message":"the server answers with 404"}')
    assert.match(JSON.stringify((await cell.entries()).at(-1)), /no more of it is taken/)
    cell.kept.says = (response) => response.writeHead(200, { 'content-location': `/f?by=${SIGNED}` }).end('file')
    const had = await fetch(href)
    assert.deepEqual([await had.text(), had.headers.get('content-location')], ['file', null])
  })

  it('S10: an error of its server is searched for secrets before it is cut', async () => {
    const token = 'glpat-5f4e3d2c1b0a99885f4e3d2c1b0a9988'
    const secrets = openSecrets(new Map([['forge', token]]))
    assert.ok(secrets.ok)
    const cell = await opened(MAY_HAVE, { secrets: secrets.value })
    const says = (message: string) => {
      const said = JSON.stringify({ objects: [{ oid: oidOf(FILE), size: 7, error: { code: 500, message } }] })
      cell.server.answers = () => ({ status: 200, headers: [['content-type', TYPE]], body: Buffer.from(said) })
      return cell.batch('download', FILE)
    }
    assert.match(
      await says('x'.repeat(470) + token),
      /refused by Firebreak: the server’s answer holds the secret \\"forge\\"/,
    )
    const long = await says('x'.repeat(600))
    assert.match(long, /"x{500}"/)
  })

  it('an approval of a batch is for the files that it names, in whatever order', async () => {
    const cell = await opened(MAY_HAVE)
    const label = 'customers' as Label // by its shape
    cell.cell.authority.exposure.recordMessage('seen', [label], { action: 'a_0' as never, tool: 'other/tool' })
    const [one, two, three] = ['1', '2', '3'].map((each) => Buffer.alloc(7, each)) as [Buffer, Buffer, Buffer]
    assert.match(await cell.batchOf('download', [one, two]), /it waits for a person/)
    const held = (await cell.entries()).find((entry) => entry.kind === 'action.held')
    assert.ok(held?.kind === 'action.held')
    const nowMs = cell.gate.nowMs()
    cell.gate.holds.answer(held.hold, true, 'maria@shop.example' as PersonName, nowMs + 60_000, nowMs)
    assert.match(await cell.batchOf('download', [one, three]), /it waits for a person/)
    assert.match(await cell.batchOf('download', [two, one]), /"transfer":"basic"/)
  })

  it('LF3: is sent by whoever may push to its repository, and only if it is the one that was announced', async () => {
    const reader = await opened(MAY_HAVE)
    assert.match(await reader.batch('upload', FILE), /may not push to any ref of shop\/desk/)
    assert.equal(reader.server.exchanges.length, 0)
    const cell = await opened(MAY_SEND)
    assert.match(await cell.batch('upload', FILE, 'refs/heads/main'), /may not push to refs\/heads\/main/)
    const answer = await cell.batch('upload', FILE, 'refs/heads/agent/x')
    const put = (body: Uint8Array) => fetch(hrefIn(answer, 'upload'), { method: 'PUT', body })
    const other = Buffer.concat([FILE.subarray(1), Buffer.from('o')])
    await assert.rejects(put(other).then((sent) => (sent.ok ? sent : Promise.reject(new Error(String(sent.status))))))
    assert.equal(cell.kept.files.size, 0)
    assert.match(await (await put(FILE.subarray(1))).text(), /bytes that were announced/)
    assert.equal((await put(FILE)).status, 200)
    assert.deepEqual(cell.kept.files.get(oidOf(FILE)), FILE)
    assert.equal((await fetch(hrefIn(answer, 'verify'), { method: 'POST', body: '{}' })).status, 200)
    assert.deepEqual(cell.failed, [])
    assert.equal(cell.room.take(2 * PACK_HELD_BYTES_MAX), true, 'nothing is held any more')
  })

  it('S11: F1: is sent by nobody’s yes, since its digest is known when it has left', async () => {
    const cell = await opened(MAY_SEND)
    const answer = await cell.batch('upload', FILE, 'refs/heads/agent/x')
    const label = 'customers' as Label // by its shape
    cell.cell.authority.exposure.recordMessage('seen', [label], { action: 'a_0' as never, tool: 'other/tool' })
    const put = await fetch(hrefIn(answer, 'upload'), { method: 'PUT', body: FILE })
    assert.match(await put.text(), /it has read customers, which origin does not accept/)
    assert.deepEqual(
      (await cell.entries()).filter(({ kind }) => kind === 'action.held'),
      [],
    )
  })

  it('is nobody’s without a pattern for it, and has no locks', async () => {
    const cell = await opened(['shop/desk: fetch'])
    assert.match(await cell.batch('download', FILE), /none of the repositories whose files of LFS it may have/)
    assert.equal(cell.server.exchanges.length, 0)
    const locks = await fetch(`${cell.url}/shop/desk.git/info/lfs/locks/verify`, { method: 'POST', body: '{}' })
    assert.deepEqual([locks.status, await locks.text()], [404, '{"message":"locks of LFS are not served"}'])
  })

  const found = (process.env.PATH ?? '').split(delimiter).some((each) => existsSync(join(each, 'git-lfs')))
  it('is sent and had by a real git-lfs', { skip: !found && 'no git-lfs' }, async () => {
    const cell = await opened([...MAY_SEND, 'shop/desk: fetch'])
    const work = temporaryDirectory()
    const own = join(work, 'own')
    mkdirSync(own)
    await git(own, 'init', '-q')
    await git(own, 'lfs', 'install', '--local')
    await git(own, 'lfs', 'track', '*.bin')
    writeFileSync(join(own, 'large.bin'), FILE)
    await git(own, 'add', '.')
    await git(own, 'commit', '-q', '-m', 'a large file')
    const at = `${cell.url}/shop/desk.git`
    await git(own, 'push', '-q', at, 'HEAD:refs/heads/agent/x')
    assert.deepEqual(cell.kept.files.get(oidOf(FILE)), FILE)
    await git(work, 'clone', '-q', '-b', 'agent/x', at, 'again')
    const again = join(work, 'again')
    await git(again, 'lfs', 'install', '--local')
    await git(again, 'lfs', 'pull')
    assert.deepEqual(readFileSync(join(again, 'large.bin')), FILE)
    await assert.rejects(git(own, 'push', at, 'HEAD:refs/heads/main'), /refused by Firebreak/)
  })
})

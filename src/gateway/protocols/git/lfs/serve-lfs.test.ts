/** Files of LFS: a server that names places elsewhere and signs them, and a cell that is shown neither. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { type GitServer, git, gitServer } from '../../../../../test/kit/git-server.ts'
import { declared, doorHere, gatewayTo, originHere } from '../../../../../test/kit/origin-here.ts'
import { cleanUp, temporaryDirectory } from '../../../../../test/kit/temporary.ts'
import { createServer } from '../../../../model/host/node-http.ts'
import { Room } from '../../../fairness/room.ts'
import { readOrigin } from '../../../origins/origin.ts'
import { gitToolsOf } from '../contract.ts'
import { GitLine } from '../line.ts'
import { PACK_HELD_BYTES_MAX } from '../pack/pack-walk.ts'
import { serveGit } from '../serve.ts'

const TYPE = 'application/vnd.git-lfs+json'
const SIGNED = 'signed-for-one-hour'
const oidOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** A place elsewhere that keeps files for whoever has a signature and a header. */
async function storage() {
  const files = new Map<string, Buffer>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    asked.push(`${method} ${url}`)
    const [path = '', query] = url.split('?')
    if (query !== `by=${SIGNED}` || headers.authorization !== `Token ${SIGNED}`)
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
  return { url: `http://127.0.0.1:${port}`, files, asked }
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

/** Opens a door for a cell that may use these patterns of a git server whose files lie in a storage. */
async function opened(patterns: readonly string[], { elsewhere = false } = {}) {
  const server = await gitServer(['shop/desk.git'])
  const kept = await storage()
  answersBatches(server, kept.url)
  const tools = gitToolsOf(declared('git', ...patterns))
  const origin = readOrigin(kept.url)
  assert.ok(origin.ok)
  const line = new GitLine({ ...originHere(server.url, tools), lfs: elsewhere ? [] : [origin.value] })
  const gateway = await gatewayTo(line, [...tools.keys()])
  const room = new Room(2 * PACK_HELD_BYTES_MAX)
  const door = await doorHere((request, reply) => serveGit(gateway.gate, gateway.cell, line, { request, reply, room }))
  const batch = async (operation: 'download' | 'upload', file: Uint8Array, ref?: string) => {
    const objects = [{ oid: oidOf(file), size: file.length }]
    const body = JSON.stringify({ operation, objects, ...(ref !== undefined && { ref: { name: ref } }) })
    const headers = { accept: TYPE, 'content-type': TYPE }
    const answer = await fetch(`${door.url}/shop/desk.git/info/lfs/objects/batch`, { method: 'POST', headers, body })
    return answer.text()
  }
  return { ...gateway, ...door, server, kept, room, batch }
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
    assert.deepEqual(intents, [
      { repository: 'shop/desk', what: 'lfs download', objects: 1, bytes: FILE.length },
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

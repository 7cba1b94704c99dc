import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { answerProbe, refuseGit, refuseNoRepository, refusePush, SENTENCE_CHARACTERS_MAX } from './git-refusal.ts'
import { readGitRequest } from './git-request.ts'
import { LFS_OBJECTS_MAX, readLfsBatch } from './lfs/lfs-batch.ts'
import { PktReader } from './pkt-line.ts'

const read = (method: string, target: string, headers: readonly (readonly [string, string])[] = []) => {
  const request = readGitRequest({ method, target, headers })
  return request.ok ? request.value : request.reason.status
}
const type = (service: string) => ['content-type', `application/x-git-${service}-request`] as const

describe('a request to a git server', () => {
  it('names a service of a repository, with or without .git', () => {
    const refs = { kind: 'refs', repository: 'shop/desk', service: 'upload-pack', version: 2 }
    for (const path of ['/shop/desk.git', '/shop/desk'])
      assert.deepEqual(read('GET', `${path}/info/refs?service=git-upload-pack`, [['git-protocol', 'version=2']]), refs)
    assert.deepEqual(read('GET', '/a/info/refs?service=git-receive-pack'), {
      kind: 'refs',
      repository: 'a',
      service: 'receive-pack',
      version: 0,
    })
    assert.deepEqual(read('POST', '/a/b/c/git-upload-pack', [type('upload-pack'), ['content-encoding', 'gzip']]), {
      kind: 'fetch',
      repository: 'a/b/c',
      version: 0,
      gzip: true,
    })
    const lfs = ['content-type', 'application/vnd.git-lfs+json; charset=utf-8'] as const
    assert.deepEqual(read('POST', '/a/b.git/info/lfs/objects/batch', [lfs]), { kind: 'lfs', repository: 'a/b' })
    const oid = 'a'.repeat(64)
    for (const [method, way, action] of [
      ['GET', 'objects', 'download'],
      ['PUT', 'objects', 'upload'],
      ['POST', 'verify', 'verify'],
    ] as const)
      assert.deepEqual(read(method, `/a/b.git/info/lfs/${way}/${oid}`), {
        ...{ kind: 'lfs-object', repository: 'a/b' },
        oid,
        action,
      })
    assert.deepEqual(read('GET', '/a/info/lfs/locks?limit=1'), { kind: 'lfs-locks', repository: 'a' })
  })

  it('S2: is refused where it is anything else', () => {
    for (const [status, ...request] of [
      [403, 'GET', '/'],
      [403, 'GET', '/a/HEAD'],
      [403, 'GET', '/a/info/refs'],
      [403, 'GET', '/a/info/refs?service=git-upload-archive'],
      [403, 'GET', '/a/info/refs?service=git-upload-pack&x'],
      [403, 'GET', '/a/info/refs?service=git-upload-pack&service=git-receive-pack'],
      [403, 'POST', '/a/info/refs?service=git-upload-pack'],
      [403, 'HEAD', '/a/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a/git-upload-pack'],
      [403, 'GET', '/info/refs?service=git-upload-pack'],
      [403, 'GET', '/.git/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a/.git/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a.GIT/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a.Git.git/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a.git.git/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a/info/refs/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a/git-upload-pack/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a%2Fb/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a/%62/info/refs?service=git-upload-pack'],
      [403, 'GET', '/-a/info/refs?service=git-upload-pack'],
      [403, 'GET', '/a/info%2Frefs?service=git-upload-pack'],
      [400, 'GET', '/a//b/info/refs?service=git-upload-pack'],
      [400, 'GET', '/a/../b/info/refs?service=git-upload-pack'],
      [400, 'GET', '/a/info/refs?service=git-upload-pack', [['git-protocol', 'version=3']]],
      [400, 'GET', '/a/info/refs?service=git-upload-pack', [['git-protocol', 'version=2:x']]],
      [403, 'POST', '/a/git-receive-pack?x', [type('receive-pack')]],
      [415, 'POST', '/a/git-receive-pack'],
      [415, 'POST', '/a/git-receive-pack', [type('upload-pack')]],
      [415, 'POST', '/a/git-receive-pack', [type('receive-pack'), type('receive-pack')]],
      [415, 'POST', '/a/git-receive-pack', [type('receive-pack'), ['content-encoding', 'gzip']]],
      [415, 'POST', '/a/git-upload-pack', [type('upload-pack'), ['content-encoding', 'br']]],
      [403, 'POST', '/a/info/lfs/else', [['content-type', 'application/vnd.git-lfs+json']]],
      [403, 'DELETE', `/a/info/lfs/objects/${'a'.repeat(64)}`],
      [403, 'GET', `/a/info/lfs/verify/${'a'.repeat(64)}`],
      [403, 'GET', `/a/info/lfs/objects/${'a'.repeat(64)}?x`],
      [403, 'GET', '/a/info/lfs/objects/a'],
    ] as const)
      assert.equal(read(request[0], request[1], request[2]), status, request.slice(0, 2).join(' '))
  })

  it('names the repository that its path ends before, whatever the path', () => {
    const part = fc.constantFrom('a', '/', '.git', 'info', 'refs', '.', '%2e', '..', '-', '~', 'git-upload-pack', 'é')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const path = `/${parts.join('')}`
        const request = read('GET', `${path}/info/refs?service=git-upload-pack`)
        if (typeof request === 'number') return
        assert.ok([`/${request.repository}`, `/${request.repository}.git`].includes(path))
        assert.match(request.repository, /^[\w~][\w~.-]*(?:\/[\w~][\w~.-]*)*$/)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a refusal', () => {
  const push = { format: 'sha1', options: [], shallow: [], hasPack: true } as const
  const updates = [{ ref: 'refs/heads/a', from: '', to: '' }]

  it('of a push is written as it was asked for, on one line each', () => {
    const of = (...capabilities: readonly string[]) => {
      const { body } = refusePush(
        { ...push, updates, capabilities },
        'no\r\u001b[2J',
        new Map([['refs/heads/a', 'x\ny']]),
      )
      return Buffer.from(body).toString()
    }
    assert.equal(of('report-status'), '000eunpack ok\n0018ng refs/heads/a x y\n0000')
    assert.equal(of('report-status', 'side-band-64k'), `000c\u0002no [2J\n002f\u0001${of('report-status')}0000`)
    assert.equal(answerProbe().body.length, 0)
  })

  it('S17: has so many characters, and fits into its packets', () => {
    const long = '\u{1f525}'.repeat(10_000)
    const many = Array.from({ length: 256 }, (_, i) => ({ ref: `refs/heads/${'é'.repeat(200)}${i}`, from: '', to: '' }))
    const reasons = new Map(many.map(({ ref }) => [ref, long]))
    const { body } = refusePush({ ...push, updates: many, capabilities: ['side-band-64k'] }, long, reasons)
    const pkts = new PktReader(body.length)
    pkts.push(body)
    let count = 0
    for (let next = pkts.next(); ; next = pkts.next()) {
      assert.ok(next.ok)
      if (next.value === undefined) break
      count++
    }
    assert.ok(count > 2 && pkts.waiting === 0)
    const said = Buffer.from(refuseNoRepository(long).body).toString()
    assert.equal([...said].length, SENTENCE_CHARACTERS_MAX + 1)
  })

  it('is no question for a password', () => {
    assert.equal(refuseNoRepository('no').status, 403)
    assert.equal(refuseGit({ kind: 'push', repository: 'a' }, 'no').status, 403)
    const lfs = refuseGit({ kind: 'lfs', repository: 'a' }, 'no')
    assert.deepEqual([lfs.status, Buffer.from(lfs.body).toString()], [403, '{"message":"no"}'])
  })
})

describe('a batch of LFS', () => {
  const oid = 'a'.repeat(64)
  const objects = [{ oid, size: 1 }]
  it('names files, and what is to become of them', () => {
    assert.deepEqual(
      readLfsBatch({ operation: 'upload', transfers: ['basic'], objects, ref: { name: 'refs/heads/a' } }),
      {
        ok: true,
        value: { operation: 'upload', ref: 'refs/heads/a', objects },
      },
    )
    for (const body of [
      null,
      [],
      {},
      { operation: 'verify', objects },
      { operation: 'upload' },
      { operation: 'upload', objects: [] },
      { operation: 'upload', objects: [{ oid, size: -1 }] },
      { operation: 'upload', objects: [{ oid: '../x', size: 1 }] },
      { operation: 'upload', objects, ref: null },
      { operation: 'upload', objects, ref: { name: 'a' } },
      { operation: 'upload', objects, hash_algo: 'md5' },
      { operation: 'upload', objects, transfers: ['tus'] },
    ])
      assert.equal(readLfsBatch(body).ok, false, JSON.stringify(body))
  })

  it('S17: names so many files', () => {
    const many = (count: number) => readLfsBatch({ operation: 'download', objects: Array(count).fill(objects[0]) })
    assert.equal(many(LFS_OBJECTS_MAX).ok, true)
    assert.match(JSON.stringify(many(LFS_OBJECTS_MAX + 1)), /more than 1000 objects/)
  })
})

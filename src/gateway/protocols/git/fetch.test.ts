import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type GitServer, git, gitServer } from '../../../../test/kit/git-server.ts'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import {
  FETCH_BYTES_MAX,
  FETCH_PACKETS_MAX,
  FETCH_STEP_BYTES,
  type GitFetch,
  readFetch,
  WANTS_MAX,
  withoutTags,
} from './fetch.ts'
import { refuseGit } from './git-refusal.ts'
import { type GitVersion, readGitRequest } from './git-request.ts'
import { DELIMITER, FLUSH, pkt } from './pkt-line.ts'
import { SHOWN_OBJECTS_MAX, ShownRefs } from './shown/shown-refs.ts'

const shows = (ref: string) => ref === 'refs/heads/main' || ref === 'refs/tags/v1'
const by = (ref: string) => (shows(ref) ? 'shown' : '')

/** Reads a body to its end; the steps are the bytes that were left before each. */
function readWhole(bytes: Uint8Array, version: GitVersion, steps: number[] = []) {
  const reading = readFetch(bytes, version)
  for (;;) {
    const step = reading.next()
    if (step.done === true) return step.value
    steps.push(step.value)
  }
}

for (const version of ['0', '1', '2'])
  describe(`a fetch of a real git, in version ${version}`, () => {
    let server: GitServer
    let work: string
    let seen: GitFetch[] = []
    let objects = new Set<string>()
    const clone = (name: string, ...args: readonly string[]) =>
      git(work, '-c', `protocol.version=${version}`, 'clone', '-q', ...args, `${server.url}/desk.git`, name)

    before(async () => {
      server = await gitServer(['desk.git'])
      work = temporaryDirectory()
      const from = join(work, 'from')
      mkdirSync(from)
      await git(from, 'init', '-q')
      for (const name of ['a', 'b', 'c']) {
        writeFileSync(join(from, name), name)
        await git(from, 'add', '.')
        await git(from, 'commit', '-q', '-m', name)
      }
      await git(from, 'tag', '-m', 'v1', 'v1')
      await git(from, 'tag', '-m', 'other', 'other', 'HEAD~1')
      await git(from, 'branch', 'hidden', 'HEAD~2')
      await git(from, 'push', '-q', `${server.directory}/desk.git`, '--all')
      await git(from, 'push', '-q', `${server.directory}/desk.git`, '--tags')
      // Each request is read, and each list of refs is cut down to two refs and whoever is HEAD.
      server.changes = (exchange) => {
        const request = readGitRequest(exchange)
        assert.ok(request.ok, JSON.stringify(request))
        const options = { shows, showsAll: false, by, meanings: new Set<string>() }
        let list: 'upload-pack' | 'ls-refs' | undefined = request.value.kind === 'refs' ? 'upload-pack' : undefined
        if (request.value.kind === 'fetch') {
          const plain = request.value.gzip ? gunzipSync(exchange.body) : exchange.body
          const read = readWhole(plain, request.value.version)
          assert.ok(read.ok, JSON.stringify(read))
          const { asked } = read.value
          if (asked.kind === 'ls-refs') list = 'ls-refs'
          else seen.push(asked)
        }
        if (list === undefined || exchange.answer.includes('ERR')) return exchange.answer
        const shown = new ShownRefs({ ...options, list })
        const pieces = [...exchange.answer].map((byte) => shown.push(Uint8Array.of(byte)))
        assert.ok(shown.isWhole)
        for (const each of shown.objects.keys()) objects.add(each)
        return Buffer.concat(pieces.map((each) => (each.ok ? each.value : assert.fail(each.reason))))
      }
    })

    it('sees the refs that it may, and wants no others', async () => {
      ;[seen, objects] = [[], new Set()]
      await clone('all')
      const refs = await git(join(work, 'all'), 'for-each-ref', '--format=%(refname)')
      assert.deepEqual(refs.split('\n'), [
        'refs/heads/main',
        'refs/remotes/origin/HEAD',
        'refs/remotes/origin/main',
        'refs/tags/v1',
      ])
      assert.ok(seen.length > 0)
      for (const { wants, depth, filter } of seen) {
        assert.ok(wants.every((each) => objects.has(each)))
        assert.deepEqual([depth, filter], [undefined, undefined])
      }
      const hidden = await git(join(server.directory, 'desk.git'), 'rev-parse', 'hidden', 'other')
      assert.ok(hidden.split('\n').every((each) => !objects.has(each)))
    })

    it('says how deep, and what of it', async () => {
      ;[seen, objects] = [[], new Set()]
      await clone('shallow', '--depth=1', '--no-tags')
      assert.equal(seen.at(-1)?.depth, 1)
      await git(join(work, 'shallow'), '-c', `protocol.version=${version}`, 'fetch', '-q', '--deepen=1')
      assert.deepEqual([seen.at(-1)?.depth, seen.at(-1)?.shallow.length, seen.at(-1)?.haves.length], [1, 1, 1])
      seen = []
      await clone('partial', '--filter=blob:none', '--no-checkout')
      assert.equal(seen.at(-1)?.filter, 'blob:none')
    })

    it('S15: is refused in words that git prints', async () => {
      for (const kind of ['refs', 'fetch'] as const) {
        server.answers = (exchange) => {
          const request = readGitRequest(exchange)
          assert.ok(request.ok)
          return request.value.kind === kind
            ? refuseGit(request.value, 'refused by Firebreak\n(reference a_1)')
            : undefined
        }
        await assert.rejects(clone(`no-${kind}`), /remote error: refused by Firebreak \(reference a_1\)/)
      }
      server.answers = undefined
    })
  })

describe('the refs of a push', () => {
  it('are those that it may know of, with capabilities that may be used', async () => {
    const server = await gitServer(['desk.git'])
    const work = temporaryDirectory()
    await git(work, 'init', '-q')
    await git(work, 'commit', '-q', '--allow-empty', '-m', 'a')
    await git(work, 'push', '-q', `${server.directory}/desk.git`, 'main', 'main:hidden')
    const told: string[] = []
    server.changes = ({ method, answer }) => {
      if (method !== 'GET') return answer
      const shown = new ShownRefs({ list: 'receive-pack', shows, showsAll: false, by, meanings: new Set(['atomic']) })
      const list = shown.push(answer)
      assert.ok(list.ok && shown.isWhole)
      told.push(Buffer.from(list.value).toString())
      return list.value
    }
    await git(work, 'push', '-q', '--atomic', `${server.url}/desk.git`, 'main:new')
    assert.match(told[0] ?? '', /refs\/heads\/main\0.*report-status.* atomic/)
    assert.doesNotMatch(told[0] ?? '', /hidden|push-options|push-cert|session-id/)
    await assert.rejects(
      git(work, 'push', '-o', 'x', `${server.url}/desk.git`, 'main:newer'),
      /does not support push options/,
    )
  })

  it('are an empty list where none may be known', () => {
    const shown = new ShownRefs({
      list: 'receive-pack',
      shows: () => false,
      showsAll: false,
      by,
      meanings: new Set(),
    })
    const list = [
      pkt('# service=git-receive-pack\n'),
      FLUSH,
      pkt(`${'a'.repeat(40)} refs/heads/b\0delete-refs x`),
      FLUSH,
    ]
    const read = shown.push(Buffer.concat(list))
    assert.ok(read.ok)
    const none = `${'0'.repeat(40)} capabilities^{}\0delete-refs\n`
    assert.deepEqual(
      Buffer.from(read.value),
      Buffer.concat([pkt('# service=git-receive-pack\n'), FLUSH, pkt(none), FLUSH]),
    )
  })

  it('S2: tell nothing of others: no name that HEAD stands for, no object behind a tag, none that a neighbour has', () => {
    const shown = new ShownRefs({ list: 'upload-pack', shows, showsAll: false, by, meanings: new Set() })
    const [a, b, c] = ['a', 'b', 'c'].map((each) => each.repeat(40))
    const lines = [
      `${a} HEAD\0thin-pack symref=HEAD:refs/heads/hidden`,
      `${a} refs/heads/hidden`,
      `${b} refs/heads/main`,
      `${c} refs/tags/hidden`,
      `${c} refs/tags/hidden^{}`,
      `${b} refs/tags/v1`,
      `${b} refs/tags/v1^{}`,
      `${c} .have`,
    ]
    const list = [pkt('# service=git-upload-pack\n'), FLUSH, ...lines.map((each) => pkt(`${each}\n`)), FLUSH]
    const read = shown.push(Buffer.concat(list))
    assert.ok(read.ok && shown.isWhole)
    const kept = [`${b} refs/heads/main\0thin-pack`, `${b} refs/tags/v1`, `${b} refs/tags/v1^{}`]
    const told = [pkt('# service=git-upload-pack\n'), FLUSH, ...kept.map((each) => pkt(`${each}\n`)), FLUSH]
    assert.equal(Buffer.from(read.value).toString(), Buffer.concat(told).toString())
    assert.deepEqual([...shown.objects], [[b, 'shown']])
    for (const showsAll of [true, false]) {
      const other = new ShownRefs({ list: 'upload-pack', shows, showsAll, by: () => '', meanings: new Set() })
      assert.ok(other.push(Buffer.concat(list)).ok && other.isWhole)
      // Of everything nobody asks later, and what is shown for a push alone may not be fetched.
      assert.deepEqual([...other.objects], [])
    }
  })

  it('S17: end where they are longer than lists are', () => {
    const shown = new ShownRefs({
      list: 'ls-refs',
      shows: () => true,
      showsAll: false,
      by: () => 'all',
      meanings: new Set(),
    })
    const name = (i: number) => i.toString(16).padStart(40, '0')
    const lines = (from: number) =>
      Buffer.concat(
        Array.from({ length: 1_024 }, (_, i) =>
          pkt(`${name(from + i + 1)} refs/heads/${from + i}${'x'.repeat(900)}\n`),
        ),
      )
    for (let i = 0; i < 80; i++) {
      const read = shown.push(lines(i * 1_024))
      if (!read.ok) return assert.match(read.reason, /more than 67108864 bytes/)
      assert.ok(shown.objects.size <= SHOWN_OBJECTS_MAX)
    }
    assert.fail('it never ended')
  })

  it('end where they are no list, and never throw', () => {
    const lines = [
      '# service=git-upload-pack',
      'version 2',
      'version 1',
      `${'a'.repeat(40)} refs/heads/main`,
      'ERR x',
      `${'b'.repeat(40)} HEAD\0symref=HEAD:refs/heads/x`,
      `unborn HEAD symref-target:refs/heads/main`,
      `shallow ${'c'.repeat(40)}`,
      'fetch=shallow packfile-uris',
    ]
    const piece = fc.oneof(
      fc.constantFrom(...lines).map((text) => Buffer.from(pkt(text))),
      fc.constantFrom(Buffer.from(FLUSH), Buffer.from(DELIMITER)),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 9 }),
        fc.constantFrom('upload-pack', 'receive-pack', 'ls-refs'),
        (pieces, list) => {
          const shown = new ShownRefs({
            list,
            shows: (ref) => ref === 'refs/heads/other',
            showsAll: false,
            by: (ref) => (ref === 'refs/heads/other' ? 'other' : ''),
            meanings: new Set(),
          })
          for (const each of pieces) {
            const read = shown.push(each)
            if (!read.ok) break
            assert.doesNotMatch(Buffer.from(read.value).toString('latin1'), /refs\/heads\/(?:main|x)|packfile-uris/)
          }
          assert.deepEqual([...shown.objects], [])
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('the body of a fetch', () => {
  const A = 'a'.repeat(40)
  const body = (...parts: readonly (string | Uint8Array)[]) =>
    Buffer.concat(parts.map((each) => (typeof each === 'string' ? pkt(each) : each)))
  const problem = (version: 0 | 2, ...parts: readonly (string | Uint8Array)[]) => {
    const read = readWhole(body(...parts), version)
    return read.ok ? 'read' : read.reason
  }

  it('S11: is refused where it asks for what is not known', () => {
    assert.equal(problem(0, `want ${A} thin-pack\n`, `want ${A}\n`, FLUSH, `have ${A}\n`, FLUSH, 'done\n'), 'read')
    assert.match(problem(0, `want ${A} packfile-uris`, FLUSH), /packfile-uris/)
    assert.match(problem(0, `want ${A}`, `want ${A} thin-pack`, FLUSH), /names no object/)
    assert.match(problem(0, FLUSH), /wants nothing/)
    assert.match(problem(0, `want ${A}`, FLUSH, `want ${A}`), /among what it has/)
    assert.match(problem(0, `want ${A}`, `have ${A}`), /before it wants/)
    assert.match(problem(0, `want ${A}`, FLUSH, 'done', `have ${A}`), /after it is done/)
    assert.match(problem(0, `want ${A}`, DELIMITER), /no text/)
    const fetched = ['command=fetch', 'agent=git/2.39.5', DELIMITER] as const
    assert.equal(problem(2, ...fetched, `want ${A}`, 'done', FLUSH), 'read')
    assert.match(problem(2, ...fetched, `want ${A}`), /no whole request/)
    assert.match(problem(2, ...fetched, 'packfile-uris https', FLUSH), /packfile-uris/)
    assert.match(problem(2, ...fetched, 'sideband-all', FLUSH), /sideband-all/)
    assert.match(problem(2, ...fetched, `want ${A}`, 'filter sparse:oid=x', FLUSH), /sparse/)
    assert.match(problem(2, ...fetched, `want ${A}`, 'filter combine:x+sparse%3Aoid', FLUSH), /not passed on/)
    assert.match(problem(2, ...fetched, 'want-ref main', FLUSH), /no ref's full name/)
    assert.match(problem(2, ...fetched, `want ${A}`, `deepen-not ${A}`, FLUSH), /no ref's full name/)
    assert.match(problem(2, 'command=fetch', 'server-option=x', FLUSH), /server-option/)
    assert.match(problem(2, 'command=object-info', FLUSH), /object-info/)
    assert.match(problem(2, 'command=ls-refs', DELIMITER, `want ${A}`, FLUSH), /not passed on/)
    assert.match(problem(2, FLUSH), /no whole request/)
  })

  it('S11: says nothing twice', () => {
    const fetched = ['command=fetch', DELIMITER, `want ${A}`] as const
    for (const each of [
      'thin-pack',
      'include-tag',
      'ofs-delta',
      'done',
      'deepen-since 1',
      'deepen 1',
      'filter blob:none',
    ])
      assert.match(problem(2, ...fetched, each, each, FLUSH), /twice|that one may have/, each)
    for (const each of ['agent=a', 'session-id=a', 'object-format=sha1'])
      assert.match(problem(2, 'command=ls-refs', each, each, DELIMITER, FLUSH), /twice/, each)
    for (const each of ['peel', 'symrefs', 'unborn'])
      assert.match(problem(2, 'command=ls-refs', DELIMITER, each, each, FLUSH), /twice/, each)
    assert.match(problem(0, `want ${A} thin-pack agent=a thin-pack`, FLUSH), /says thin-pack twice/)
    assert.match(problem(2, ...fetched, FLUSH, FLUSH), /goes on after its end/)
  })

  it('S17: has so many bytes, also unpacked, so many packets, and wants so many objects', () => {
    assert.match(JSON.stringify(readWhole(Buffer.alloc(FETCH_BYTES_MAX + 1), 0)), /more than 2097152 bytes/)
    const wants = Array.from({ length: WANTS_MAX }, () => `want ${A}`)
    assert.equal(problem(0, ...wants, FLUSH), 'read')
    assert.match(problem(0, ...wants, `want ${A}`, FLUSH), /more than 16384 objects/)
    const flushes = (count: number) => Array.from({ length: count }, () => FLUSH)
    assert.equal(problem(0, `want ${A}`, ...flushes(FETCH_PACKETS_MAX - 1)), 'read')
    assert.match(problem(0, `want ${A}`, ...flushes(FETCH_PACKETS_MAX)), /more than 42800 packets/)
    // Git fills all its bytes with commits that it has.
    const most = Math.floor((FETCH_BYTES_MAX - 100) / 49)
    assert.equal(problem(0, `want ${A}`, FLUSH, ...Array.from({ length: most }, () => `have ${A}`)), 'read')
  })

  it('S14: is read in steps, cut anywhere', () => {
    const haves = Array.from({ length: 2_000 }, (_, i) => `have ${i.toString(16).padStart(40, '0')}`)
    const bytes = body('command=fetch', DELIMITER, `want ${A}`, ...haves, 'done', FLUSH)
    const steps: number[] = []
    const read = readWhole(bytes, 2, steps)
    assert.ok(read.ok && read.value.asked.kind === 'fetch')
    assert.equal(read.value.asked.haves.length, 2_000)
    assert.deepEqual(
      steps,
      Array.from({ length: Math.ceil(bytes.length / FETCH_STEP_BYTES) }, (_, i) => bytes.length - i * FETCH_STEP_BYTES),
    )
    const other = readWhole(body('command=fetch', DELIMITER, `want ${A}`, ...haves.slice(1), 'done', FLUSH), 2)
    assert.match(read.value.digest, /^[0-9a-f]{16}$/)
    assert.ok(other.ok && other.value.digest !== read.value.digest)
  })

  it('GS1: is written anew without what brings tags that nobody has shown', () => {
    const without = (version: 0 | 2, ...parts: readonly (string | Uint8Array)[]) => {
      const bytes = body(...parts)
      const read = readWhole(bytes, version)
      assert.ok(read.ok && read.value.asked.kind === 'fetch')
      return Buffer.from(withoutTags(bytes, read.value.asked)).toString()
    }
    const text = (...parts: readonly (string | Uint8Array)[]) => body(...parts).toString()
    const fetched = ['command=fetch', DELIMITER, `want ${A}`] as const
    assert.equal(without(2, ...fetched, 'include-tag', 'done', FLUSH), text(...fetched, 'done', FLUSH))
    assert.equal(without(2, ...fetched, 'done', FLUSH), text(...fetched, 'done', FLUSH))
    for (const [asked, left] of [
      ['include-tag', ''],
      ['thin-pack include-tag agent=x', ' thin-pack agent=x'],
      ['thin-pack', ' thin-pack'],
    ])
      assert.equal(
        without(0, `want ${A} ${asked}\n`, `want ${A}\n`, FLUSH, 'done\n'),
        text(`want ${A}${left}\n`, `want ${A}\n`, FLUSH, 'done\n'),
      )
  })

  it('never throws', () => {
    const line = fc.constantFrom(
      'command=fetch',
      'command=ls-refs',
      `want ${A}`,
      `have ${A}`,
      'deepen 1',
      'deepen x',
      'done',
      'ref-prefix ',
      'want-ref refs/heads/a',
      'filter blob:none',
      'object-format=sha256',
      'want ',
    )
    const piece = fc.oneof(
      line.map((text) => Buffer.from(pkt(text))),
      fc.constantFrom(Buffer.from(FLUSH), Buffer.from(DELIMITER)),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom(0, 1, 2), (pieces, version) => {
        const read = readWhole(Buffer.concat(pieces), version)
        if (read.ok && read.value.asked.kind === 'fetch')
          assert.ok(read.value.asked.wants.length + read.value.asked.wantedRefs.length > 0)
      }),
      { numRuns: 2_000 },
    )
  })
})

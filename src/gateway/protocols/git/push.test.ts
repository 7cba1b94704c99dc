import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { type GitExchange, type GitServer, git, gitServer } from '../../../../test/kit/git-server.ts'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { refusePush } from './git-refusal.ts'
import { readGitRequest } from './git-request.ts'
import { HISTORY_HEADERS, HistoryAnswer, historyRequest, joined } from './history.ts'
import { LOOK_COMMITS_MAX, PackWalk, type Parents } from './pack/pack-walk.ts'
import { FLUSH, pkt } from './pkt-line.ts'
import { type GitPush, PUSH_UPDATES_MAX, PushReader, unlistedMeanings, writePush } from './push.ts'
import { changesOf, isJudged, judgeUpdate, type KnownCommits } from './push-kind.ts'

interface ReadBody {
  readonly push: GitPush
  readonly walk: PackWalk
  readonly kinds: readonly string[]
}

const known = (parents: Parents, ...shallow: readonly string[]): KnownCommits => ({
  parents,
  shallow: new Set(shallow),
})

/** Reads the body of a push in pieces of so many bytes. */
function readBody(body: Uint8Array, size = body.length): ReadBody {
  const reader = new PushReader()
  let push: GitPush | undefined
  let walk: PackWalk | undefined
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size)
    if (walk !== undefined) assert.ok(walk.push(piece))
    else {
      const read = reader.push(piece)
      assert.ok(read.ok, JSON.stringify(read))
      if (read.value === undefined) continue
      push = read.value
      walk = new PackWalk(push.format)
      walk.push(reader.rest())
    }
    while (walk?.step());
  }
  walk?.end()
  while (walk?.step());
  assert.ok(push !== undefined && walk !== undefined)
  return { push, walk, kinds: changesOf(push.updates, known(walk.parents)).map(({ kind, ref }) => `${kind} ${ref}`) }
}

const problemOf = (...pieces: readonly (string | Uint8Array)[]) => {
  const reader = new PushReader()
  for (const each of pieces) {
    const read = reader.push(typeof each === 'string' ? pkt(each) : each)
    if (!read.ok) return read.reason
    if (read.value !== undefined) return 'read'
  }
  const end = reader.end()
  return end.ok ? end.value : end.reason
}

const [NONE, A, B] = ['0', 'a', 'b'].map((each) => each.repeat(40))
const CAPABILITIES = '\0 report-status side-band-64k'

for (const format of ['sha1', 'sha256'])
  describe(`a push of a real git, with objects named by ${format}`, () => {
    let server: GitServer
    let work: string
    const pushes: () => readonly GitExchange[] = () =>
      server.exchanges.filter(({ target, body }) => target.endsWith('/git-receive-pack') && body.length > 4)
    const push = async (...args: readonly string[]) => {
      const from = server.exchanges.length
      await git(work, ...args)
      const [exchange] = server.exchanges.slice(from).filter((each) => pushes().includes(each))
      assert.ok(exchange !== undefined)
      const request = readGitRequest(exchange)
      assert.deepEqual(request, { ok: true, value: { kind: 'push', repository: 'shop/desk' } })
      return exchange.body
    }
    const commit = async (name: string, bytes: string | Uint8Array = name) => {
      writeFileSync(join(work, name), bytes)
      await git(work, 'add', '.')
      await git(work, 'commit', '-q', '-m', name)
    }

    before(async () => {
      server = await gitServer(['shop/desk.git'], format)
      work = temporaryDirectory()
      await git(work, 'init', '-q', `--object-format=${format}`)
      await git(work, 'remote', 'add', 'origin', `${server.url}/shop/desk.git`)
      await commit('one')
    })

    it('is told apart: made, moved forward, forced, taken away, tagged', async () => {
      const created = readBody(await push('push', 'origin', 'main'))
      assert.deepEqual(created.kinds, ['create refs/heads/main'])
      assert.equal(created.push.format, format)
      await commit('two')
      await commit('three')
      assert.deepEqual(readBody(await push('push', 'origin', 'main')).kinds, ['fast-forward refs/heads/main'])
      await git(work, 'checkout', '-q', '-b', 'side', 'HEAD~1')
      await commit('side')
      await git(work, 'checkout', '-q', 'main')
      await git(work, 'merge', '-q', '-m', 'merge', 'side')
      assert.deepEqual(readBody(await push('push', 'origin', 'main')).kinds, ['fast-forward refs/heads/main'])
      await git(work, 'reset', '-q', '--hard', 'HEAD~1')
      await commit('other')
      assert.deepEqual(readBody(await push('push', '-f', 'origin', 'main')).kinds, ['force refs/heads/main'])
      await git(work, 'tag', '-m', 'v1', 'v1')
      await git(work, 'tag', 'light')
      const several = readBody(await push('push', 'origin', 'v1', 'light', 'HEAD:refs/heads/b'))
      assert.deepEqual(several.kinds.toSorted(), ['create refs/heads/b', 'tag refs/tags/light', 'tag refs/tags/v1'])
      await git(work, 'tag', '-f', 'light', 'HEAD~1')
      assert.deepEqual(readBody(await push('push', '-f', 'origin', 'light')).kinds, ['force refs/tags/light'])
      const deleted = await push('push', 'origin', ':b', ':v1')
      const reader = new PushReader()
      const read = reader.push(deleted)
      assert.ok(read.ok && read.value?.hasPack === false)
      assert.deepEqual(
        changesOf(read.value.updates, known(new Map())).map(({ kind }) => kind),
        ['delete', 'delete'],
      )
    })

    it('is asked of the upstream where the pack has no commit: forward and back', async () => {
      await git(work, 'push', '-q', '-f', 'origin', 'main', 'main~1:refs/heads/behind', 'main:refs/heads/ahead')
      const ask = async (...args: readonly string[]) => {
        const { push: read, walk } = readBody(await push(...args))
        const [update] = read.updates
        const judged = update && judgeUpdate(update, known(walk.parents))
        assert.ok(judged?.kind === 'ask')
        assert.equal(isJudged(read.updates, known(walk.parents)), false)
        const answered = await fetch(`${server.url}/shop/desk.git/git-upload-pack`, {
          method: 'POST',
          headers: HISTORY_HEADERS.map(([name, value]) => [name, value] as [string, string]),
          body: Buffer.from(historyRequest(judged.question, read.format)),
        })
        const answer = new HistoryAnswer(read.format)
        const bytes = new Uint8Array(await answered.arrayBuffer())
        for (let at = 0; at < bytes.length; at += 7) if (!answer.push(bytes.subarray(at, at + 7))) break
        answer.end()
        while (answer.step());
        return changesOf(read.updates, known(joined(walk.parents, answer.parents))).map(({ kind }) => kind)
      }
      assert.deepEqual(await ask('push', 'origin', 'main:behind'), ['fast-forward'])
      assert.deepEqual(await ask('push', '-f', 'origin', 'main~1:ahead'), ['force'])
    })

    it('is the same in pieces of any size, and is written as git wrote it', () => {
      assert.ok(pushes().length >= 8)
      for (const { body } of pushes()) {
        const reader = new PushReader()
        const read = reader.push(body)
        assert.ok(read.ok && read.value !== undefined)
        const rest = reader.rest()
        assert.deepEqual(Buffer.concat([writePush(read.value), rest]), body)
        if (!read.value.hasPack) continue
        const whole = readBody(body)
        for (const size of [1, 3, 64, 1_000]) {
          const pieces = readBody(body, size)
          assert.deepEqual(pieces.push, whole.push)
          assert.deepEqual([...pieces.walk.parents], [...whole.walk.parents])
          assert.deepEqual(Buffer.from(pieces.walk.take()), Buffer.from(rest))
        }
      }
    })

    it('is asked about with a lone flush where it is large, and is judged before it is whole', async () => {
      await commit('large', randomBytes(3_000_000))
      const from = server.exchanges.length
      const body = await push('-c', 'http.postBuffer=70000', 'push', '-f', 'origin', 'main')
      const probe = server.exchanges.slice(from).find(({ body: sent }) => sent.length === 4)
      assert.equal(problemOf(probe?.body ?? ''), 'probe')
      const { push: read, walk } = readBody(body.subarray(0, 65_536), 1_000)
      assert.deepEqual(
        changesOf(read.updates, known(walk.parents)).map(({ kind }) => kind),
        ['fast-forward'],
      )
      assert.equal(isJudged(read.updates, known(walk.parents)), true)
    })

    it('finds commits that are written as deltas of others', async () => {
      const long = 'a line of a long message that stays the same\n'.repeat(200)
      for (let i = 0; i < 12; i++) await git(work, 'commit', '-q', '--allow-empty', '-m', `${long}${i}`)
      for (const by of ['true', 'false']) {
        const names = await git(work, 'rev-list', 'main~10..main')
        const packed = join(work, `.git/p-${by}`)
        writeFileSync(join(work, '.git/names'), `${names}\n`)
        const args = `git pack-objects -q --stdout ${by === 'true' ? '--delta-base-offset' : ''}`
        await git(work, '-c', `alias.p=!${args} < .git/names > ${packed}`, 'p')
        const walk = new PackWalk(format === 'sha1' ? 'sha1' : 'sha256')
        const pack = readFileSync(packed)
        // Ten messages of 9 KB are in it.
        assert.ok(pack.length < 8_000)
        walk.push(pack)
        walk.end()
        while (walk.step());
        assert.deepEqual([...walk.parents.keys()].toSorted(), names.split('\n').toSorted())
      }
    })

    it('S15: is refused in words that git prints, for each ref', async () => {
      server.answers = ({ target, body }) => {
        if (!target.endsWith('/git-receive-pack') || body.length <= 4) return undefined
        const read = new PushReader().push(body)
        assert.ok(read.ok && read.value !== undefined)
        return refusePush(
          read.value,
          'refused by Firebreak (reference a_1)',
          new Map([['refs/heads/x', 'no such grant']]),
        )
      }
      await assert.rejects(git(work, 'push', 'origin', 'main:x', 'main:y'), (error: Error) => {
        assert.match(error.message, /remote: refused by Firebreak \(reference a_1\)/)
        assert.match(error.message, /! \[remote rejected\] main -> x \(no such grant\)/)
        assert.match(error.message, /! \[remote rejected\] main -> y \(refused with the others of this push\)/)
        return true
      })
      server.answers = undefined
    })

    it('means more with options or all at once, and that is told', async () => {
      const body = await push('push', '--atomic', '-o', 'ci.skip', 'origin', 'main:z')
      const { push: read } = readBody(body)
      assert.deepEqual(read.options, ['ci.skip'])
      assert.deepEqual(unlistedMeanings(read, new Set()), ['atomic', 'push-options'])
      assert.deepEqual(unlistedMeanings(read, new Set(['atomic'])), ['push-options'])
      assert.deepEqual(Buffer.from(writePush(read)), body.subarray(0, writePush(read).length))
    })
  })

describe('the kind of a change', () => {
  it('is proven through no commit that the push calls shallow: its server may take it for one without parents', () => {
    const [from = '', ends = '', to = ''] = ['a', 'b', 'c'].map((each) => each.repeat(40))
    const parents = new Map([
      [to, [ends]],
      [ends, [from]],
    ])
    const kinds = (older: string, ...shallow: readonly string[]) =>
      changesOf([{ ref: 'refs/heads/x', from: older, to }], known(parents, ...shallow)).map(({ kind }) => kind)
    assert.deepEqual(
      [kinds(from), kinds(from, ends), kinds(ends, ends)],
      [['fast-forward'], ['force'], ['fast-forward']],
    )
  })
})

describe('the kinds of many changes', () => {
  it('S17: are proven over so many commits together, and what is left counts as a force', () => {
    const name = (i: number) => (i + 1).toString(16).padStart(40, '0')
    const parents = new Map(Array.from({ length: 4_000 }, (_, i) => [name(i + 1), [name(i)]] as const))
    const update = { from: name(0), to: name(4_000) }
    const updates = Array.from({ length: 20 }, (_, i) => ({ ref: `refs/heads/${i}`, ...update }))
    const kinds = changesOf(updates, known(parents)).map(({ kind }) => kind)
    const proven = Math.floor(LOOK_COMMITS_MAX / 4_001)
    assert.deepEqual(kinds, [...Array(proven).fill('fast-forward'), ...Array(20 - proven).fill('force')])
    assert.equal(isJudged(updates, known(parents)), false)
  })
})

describe('the head of a push', () => {
  it('S11: is refused where a server might read it in another way', () => {
    const first = `${NONE} ${A} refs/heads/a${CAPABILITIES}`
    const problems: readonly (readonly [RegExp, ...(string | Uint8Array)[]])[] = [
      [/refs\/heads\/a twice/, first, `${NONE} ${B} refs/heads/a`],
      [/first ref alone/, first, `${NONE} ${B} refs/heads/b\0 push-options`],
      [/first ref alone/, `${NONE} ${A} refs/heads/a`],
      [/signed/, `push-cert${CAPABILITIES}`],
      [/shallow line among/, first, `shallow ${A}`],
      [/changes no ref/, `shallow ${A}`, FLUSH],
      [/goes on/, FLUSH, first],
      [/goes on/, Buffer.from('00000')],
      [/changes nothing/, `${A} ${A} refs/heads/a${CAPABILITIES}`],
      [/changes nothing/, `${NONE} ${NONE} refs/heads/a${CAPABILITIES}`],
      [/no ref's full name/, `${NONE} ${A} HEAD${CAPABILITIES}`],
      [/no ref's full name/, `${NONE} ${A} refs/heads/../a${CAPABILITIES}`],
      [/no ref's full name/, `${NONE} ${A} refs/heads/a b${CAPABILITIES}`],
      [/no ref's full name/, `${NONE} ${A} refs/heads/a\u0301${CAPABILITIES}`],
      [/no ref's full name/, `${NONE} ${A} refs/heads/a\u200b${CAPABILITIES}`],
      [/no two objects/, `${NONE} ${A}0 refs/heads/a${CAPABILITIES}`],
      [/no two objects/, `${NONE} ${A?.toUpperCase()} refs/heads/a${CAPABILITIES}`],
      [/no two objects/, `${NONE} ${A} refs/heads/a${CAPABILITIES} object-format=sha256`],
      [/named by md5/, `${NONE} ${A} refs/heads/a${CAPABILITIES} object-format=md5`],
      [/"x", which is not passed on/, `${NONE} ${A} refs/heads/a${CAPABILITIES} x`],
      [/capability twice/, `${NONE} ${A} refs/heads/a${CAPABILITIES} quiet quiet`],
      [/means nothing/, `${NONE} ${A} refs/heads/a${CAPABILITIES} atomic=1`],
      [/what became of it/, `${NONE} ${A} refs/heads/a\0 side-band-64k`],
      [/no text/, Buffer.from('0008\xff\xff\xff\xff', 'latin1')],
      [/no text/, `${NONE} ${A} refs/heads/a\u001b[2J${CAPABILITIES}`],
      [/no length/, Buffer.from('00zz')],
      [/no length/, Buffer.from('003F')],
      [/length 0004/, Buffer.from('0004')],
      [/more than 65520/, Buffer.from('fff1')],
      [/that no push has/, first, Buffer.from('0001')],
      [/brings a pack/, Buffer.concat([pkt(`${A} ${NONE} refs/heads/a${CAPABILITIES}`), FLUSH, Buffer.from('PACK')])],
      [/before its pack/, first],
      [/before its pack/],
    ]
    for (const [problem, ...pieces] of problems) assert.match(problemOf(...pieces), problem)
    assert.equal(problemOf(first, FLUSH), 'read')
  })

  it('S17: has so many refs, and no more', () => {
    const lines = Array.from({ length: PUSH_UPDATES_MAX }, (_, i) => `${NONE} ${A} refs/heads/${i}`)
    lines[0] += CAPABILITIES
    assert.equal(problemOf(...lines, FLUSH), 'read')
    assert.match(problemOf(...lines, `${NONE} ${A} refs/heads/more`), /more than 256 refs/)
  })

  it('never throws, and says the same however it is cut', () => {
    const line = fc.constantFrom(
      `${NONE} ${A} refs/heads/a${CAPABILITIES}`,
      `${A} ${NONE} refs/heads/b${CAPABILITIES} push-options`,
      `${A} ${B} refs/heads/c`,
      `shallow ${A}`,
      'ci.skip',
      'push-cert',
    )
    const piece = fc.oneof(
      line.map((text) => Buffer.from(pkt(text))),
      fc.constantFrom(Buffer.from('0000'), Buffer.from('0001'), Buffer.from('PACK\0\0\0\x02')),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (pieces, size) => {
        const body = Buffer.concat(pieces)
        const read = (step: number) => {
          const reader = new PushReader()
          for (let at = 0; at < body.length; at += step) {
            const got = reader.push(body.subarray(at, at + step))
            if (!got.ok) return got.reason
            // Whether a pack follows one that only takes refs away is seen when it comes.
            if (got.value !== undefined) return got.value.hasPack ? got.value : 'read or brings a pack'
          }
          const end = reader.end()
          return end.ok ? end.value : end.reason
        }
        const [whole, cut] = [read(Math.max(1, body.length)), read(size)]
        if (whole !== 'it only takes refs away, and brings a pack') assert.deepEqual(cut, whole)
      }),
      { numRuns: 2_000 },
    )
  })
})

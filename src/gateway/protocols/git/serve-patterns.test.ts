/** Tests of the patterns that what git asks is decided by: a real server, and cells that may use some of several patterns. */
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { type GitServer, git, gitServer } from '../../../../test/kit/git-server.ts'
import { memoryGateway } from '../../../../test/kit/memory-gateway.ts'
import { declared, doorHere, originHere } from '../../../../test/kit/origin-here.ts'
import { cleanUp, temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { bundle, grant } from '../../../../test/policy/fixture.ts'
import type { Entry } from '../../../model/entry.ts'
import {
  type Budget,
  type DeclaredTool,
  type DelegationId,
  environmentName,
  grantId,
  type Label,
  type PersonName,
  upstreamName,
} from '../../../model/index.ts'
import { Exposure } from '../../../policy/index.ts'
import { flowsOf } from '../../admission/authority.ts'
import { authorityOf } from '../../admission/served-cell.ts'
import { Room } from '../../fairness/room.ts'
import { gitToolsOf } from './contract.ts'
import { GitLine } from './line.ts'
import { PACK_HELD_BYTES_MAX } from './pack/pack-walk.ts'
import { DELIMITER, FLUSH, pkt } from './pkt-line.ts'
import { serveGit } from './serve.ts'

const NAME = upstreamName('origin')
const [MAIN, ANA, AGENT] = ['refs/heads/main', 'refs/heads/customers/ana', 'refs/heads/agent/x'] as const
const READS_MAIN = `shop/desk ${MAIN}: fetch`
const READS_CUSTOMERS = 'shop/desk refs/heads/customers/*: fetch'
const CUSTOMERS = 'customers' as Label // by its shape
const ONCE: readonly Budget[] = [{ kind: 'calls', max: 1, window: { kind: 'total' } }]

/** A pattern with a grant of its own, and what is declared of it beside that it reads and has no labels. */
type Given = readonly [pattern: string, declared?: Partial<DeclaredTool>, budgets?: readonly Budget[]]

interface Standing {
  /** Patterns that a delegation leaves to the cell; absent where it has its own grants. */
  readonly delegated?: readonly string[]
  readonly policies?: string
  /** Labels that the cell carries from the start. */
  readonly carries?: readonly Label[]
}

describe('the patterns that a request of git is decided by', () => {
  let server: GitServer
  const at: Record<string, string> = {}

  before(async () => {
    server = await gitServer(['shop/desk.git'])
    const work = temporaryDirectory()
    await git(work, 'init', '-q')
    const place = join(server.directory, 'shop/desk.git')
    for (const ref of [MAIN, ANA, AGENT]) {
      await git(work, 'commit', '-q', '--allow-empty', '-m', ref)
      await git(work, 'push', '-q', place, `HEAD:${ref}`)
      at[ref] = (await git(place, 'rev-parse', ref)).trim()
    }
  })

  /** Opens a door to the server for a cell that is granted these patterns, each by a grant of its own. */
  async function opened(given: readonly Given[], { delegated, policies = '', carries = [] }: Standing = {}) {
    const named = given.map(
      ([pattern, more]) => ({ ...declared('git', pattern)[0], content: [[]], ...more }) as DeclaredTool,
    )
    const tools = gitToolsOf(named)
    const line = new GitLine(originHere(server.url, tools))
    cleanUp(() => line.close())
    const grants = named.map(({ name }, i) =>
      grant({ id: grantId(`g_${i}`), upstream: NAME, tools: new Set([name]), budgets: given[i]?.[2] ?? [] }),
    )
    const known = { upstreams: new Map([[NAME, { name: NAME, environment: environmentName('test'), tools }]]) }
    const gateway = await memoryGateway(await bundle(policies, undefined, grants, known), {
      authority: { grants, flows: flowsOf(known.upstreams.values()) },
      cell: { upstreams: new Map([[NAME, line]]) },
    })
    const { cell, gate } = gateway
    for (const label of carries)
      cell.authority.exposure.recordMessage('seen before', [label], { action: 'a_0' as never, tool: 'other/tool' })
    if (delegated !== undefined) {
      const giver = { ...authorityOf(cell) }
      const restriction = {
        ...{ tools: new Set(delegated.map((each) => `origin/git:${each}`)), arguments: [], budgets: [] },
        expiresAtMs: Number.MAX_SAFE_INTEGER,
      }
      const id = 'd_0000000000000000' as DelegationId // by its shape
      const above = { id, depth: 1, restriction, from: () => giver, revokedAtMs: () => undefined }
      cell.authority = { ...cell.authority, grants: [], above }
    }
    const room = new Room(2 * PACK_HELD_BYTES_MAX)
    const door = await doorHere((request, reply) => serveGit(gate, cell, line, { request, reply, room }))
    server.exchanges.length = 0
    const post = async (service: string, body: Uint8Array) => {
      const headers = { 'content-type': `application/x-git-${service}-request`, 'git-protocol': 'version=2' }
      const answer = await fetch(`${door.url}/shop/desk.git/git-${service}`, { method: 'POST', headers, body })
      return answer.text()
    }
    const lines = (...all: readonly string[]) => all.map((each) => pkt(`${each}\n`))
    const intents = async () =>
      (await gateway.entries()).filter(
        (entry): entry is Extract<Entry, { kind: 'action.intent' }> => entry.kind === 'action.intent',
      )
    return {
      ...gateway,
      ...door,
      intents,
      /** Patterns that each action so far was decided by. */
      decided: async () => (await intents()).map(({ tool, alongside = [] }) => [tool, ...alongside]),
      labels: () => [...cell.authority.exposure.labels.keys()],
      list: async (service: string) =>
        (await fetch(`${door.url}/shop/desk.git/info/refs?service=git-${service}`)).text(),
      refs: (...prefixes: readonly string[]) =>
        post(
          'upload-pack',
          Buffer.concat([
            ...[pkt('command=ls-refs\n'), DELIMITER],
            ...[...lines(...prefixes.map((each) => `ref-prefix ${each}`)), FLUSH],
          ]),
        ),
      want: (objects: readonly string[], ...more: readonly string[]) =>
        post(
          'upload-pack',
          Buffer.concat([
            ...[pkt('command=fetch\n'), DELIMITER],
            ...lines(...objects.map((each) => `want ${each}`), ...more, 'done'),
            FLUSH,
          ]),
        ),
      push: (ref: string, from: string, to: string) =>
        post(
          'receive-pack',
          Buffer.concat([pkt(`${from} ${to} ${ref}\0 report-status side-band-64k\n`), FLUSH, EMPTY_PACK]),
        ),
      git: (...args: readonly string[]) => git(temporaryDirectory(), ...args),
    }
  }

  for (const version of ['0', '1', '2'])
    it(`GS3: a clone is decided by each that shows what it takes, with its labels (version ${version})`, async () => {
      const cell = await opened([[READS_MAIN], [READS_CUSTOMERS, { returns: [{ path: [], labels: [CUSTOMERS] }] }]])
      const place = join(temporaryDirectory(), 'clone')
      const how = ['-c', `protocol.version=${version}`, 'clone', '-q', '-b', 'customers/ana', '--single-branch']
      await cell.git(...how, `${cell.url}/shop/desk`, place)
      assert.equal((await git(place, 'log', '--format=%s', '-1')).trim(), ANA)
      const decided = await cell.decided()
      // Its list has all that is shown; of objects it takes one branch.
      assert.deepEqual(decided[0], [READS_MAIN, READS_CUSTOMERS])
      assert.deepEqual(decided.at(-1), [READS_CUSTOMERS])
      assert.deepEqual(cell.labels(), [CUSTOMERS])
    })

  it('GS3: objects and refs are asked for by each pattern that has shown them, and by no other', async () => {
    const cell = await opened([[READS_MAIN], [READS_CUSTOMERS, { returns: [{ path: [], labels: [CUSTOMERS] }] }]])
    await cell.refs('refs/heads/main')
    assert.deepEqual(cell.labels(), [])
    assert.match(await cell.want([at[MAIN] ?? '']), /packfile/)
    assert.match(await cell.want([at[ANA] ?? '']), /refused by Firebreak: .* was shown/)
    assert.deepEqual(cell.labels(), [])
    await cell.refs('refs/heads/customers/ana')
    assert.deepEqual(cell.labels(), [CUSTOMERS])
    assert.match(await cell.want([at[MAIN] ?? '', at[ANA] ?? '']), /packfile/)
    assert.match(await cell.want([at[MAIN] ?? ''], `deepen-not ${ANA}`), /packfile|shallow/)
    assert.deepEqual(await cell.decided(), [
      ...[[READS_MAIN], [READS_MAIN], [READS_CUSTOMERS]],
      ...Array(2).fill([READS_MAIN, READS_CUSTOMERS]),
    ])
  })

  it('GS1: a symbolic ref shows and brings nothing of what it stands for, whether its target is asked for or not', async () => {
    const place = join(server.directory, 'shop/desk.git')
    await git(place, 'symbolic-ref', 'refs/heads/agent/alias', ANA)
    const everything = await opened([['shop/desk: fetch']])
    assert.match(await everything.refs('refs/heads/agent/'), /agent\/alias symref-target:refs\/heads\/customers\/ana/)
    const cell = await opened([['shop/desk refs/heads/agent/*: fetch']])
    try {
      const list = await cell.refs('refs/heads/agent/')
      assert.match(list, /agent\/x/, 'control')
      assert.doesNotMatch(list, /alias/)
      assert.doesNotMatch(await cell.refs(), /alias/)
      assert.match(await cell.want([at[ANA] ?? '']), /refused by Firebreak/)
      assert.match(await cell.want([], 'want-ref refs/heads/agent/alias'), /refused by Firebreak/)
    } finally {
      await git(place, 'symbolic-ref', '-d', 'refs/heads/agent/alias')
    }
  })

  it('S5: GS3: a delegation that leaves one of them to a cell leaves it the refs of that one', async () => {
    const both = [[READS_MAIN], [READS_CUSTOMERS]] as const
    const cell = await opened(both, { delegated: [READS_MAIN] })
    const place = join(temporaryDirectory(), 'clone')
    await cell.git('clone', '-q', `${cell.url}/shop/desk`, place)
    assert.doesNotMatch(await git(place, 'for-each-ref'), /customers/)
    assert.doesNotMatch(await cell.list('upload-pack'), /customers/)
    assert.match(await cell.want([at[ANA] ?? '']), /refused by Firebreak/)
    // Beside a ref that it may have, one that it may not is none.
    assert.match(await cell.refs('refs/heads/main', 'refs/heads/customers/ana'), /heads\/main\n0000$/)
    const other = await opened(both, { delegated: [READS_CUSTOMERS] })
    await other.git('clone', '-q', '-b', 'customers/ana', `${other.url}/shop/desk`, join(temporaryDirectory(), 'clone'))
    assert.ok((await other.decided()).every((each) => each.join() === READS_CUSTOMERS))
  })

  it('S2: GS3: what a policy forbids, or no budget is left for, is neither listed nor had, and the rest is', async () => {
    const forbid = `forbid (principal, action == Action::"origin/git:${READS_CUSTOMERS}", resource);`
    for (const [budgets, policies] of [
      [[], forbid],
      [ONCE, ''],
    ] as const) {
      const cell = await opened([[READS_MAIN], [READS_CUSTOMERS, {}, budgets]], { policies })
      if (policies === '') assert.match(await cell.list('upload-pack'), /customers/)
      const place = join(temporaryDirectory(), 'clone')
      await cell.git('clone', '-q', `${cell.url}/shop/desk`, place)
      assert.doesNotMatch(await git(place, 'for-each-ref'), /customers/)
      assert.match(await cell.want([at[ANA] ?? '']), /refused by Firebreak/)
    }
  })

  it('S2: GS3: an object that was shown by a pattern is refused once that one may not be used', async () => {
    const forbid = `forbid (principal, action == Action::"origin/git:${READS_CUSTOMERS}", resource) when { context.labels.contains("customers") };`
    const cell = await opened([[READS_MAIN], [READS_CUSTOMERS]], { policies: forbid })
    await cell.refs()
    cell.cell.authority.exposure.recordMessage('seen', [CUSTOMERS], { action: 'a_0' as never, tool: 'other/tool' })
    assert.match(await cell.want([at[ANA] ?? '']), /refused by Firebreak/)
    const refused = (await cell.entries()).find((entry) => entry.kind === 'action.refused')
    assert.deepEqual(
      refused?.kind === 'action.refused' && [refused.tool, JSON.stringify(refused.reasons).includes('forbid')],
      [READS_CUSTOMERS, true],
    )
  })

  it('F1: GS3: what would wait for a person keeps nothing waiting that need not, and waits where it is asked for by its name', async () => {
    const accepts = { accepts: [CUSTOMERS] }
    const cell = await opened([[READS_MAIN, accepts], [READS_CUSTOMERS]], { carries: [CUSTOMERS] })
    const list = await cell.refs('refs/heads/')
    assert.match(list, /refs\/heads\/main/)
    assert.doesNotMatch(list, /customers/)
    assert.match(await cell.want([at[MAIN] ?? '']), /packfile/)
    assert.match(await cell.refs('HEAD', 'refs/heads/customers/ana'), /waits for a person/)
    const held = (await cell.entries()).find((entry) => entry.kind === 'action.held')
    assert.ok(held?.kind === 'action.held')
    const nowMs = cell.gate.nowMs()
    cell.gate.holds.answer(held.hold, true, 'maria@shop.example' as PersonName, nowMs + 60_000, nowMs)
    assert.match(await cell.refs('HEAD', 'refs/heads/customers/ana'), /customers\/ana/)
  })

  it('an approval of a fetch is for the body that was held, and for no other', async () => {
    const waits = await opened([[`shop/desk: fetch`]], { carries: [CUSTOMERS] })
    const approve = async () => {
      const held = (await waits.entries()).findLast((entry) => entry.kind === 'action.held')
      assert.ok(held?.kind === 'action.held')
      const nowMs = waits.gate.nowMs()
      waits.gate.holds.answer(held.hold, true, 'maria@shop.example' as PersonName, nowMs + 60_000, nowMs)
      return held.args as Readonly<Record<string, unknown>>
    }
    const [main = '', other] = [at[MAIN], `have ${'a'.repeat(40)}`]
    assert.match(await waits.want([main], `have ${main}`), /waits for a person/)
    const { digest, ...shown } = await approve()
    assert.deepEqual(shown, { repository: 'shop/desk', what: 'objects', wants: 1, haves: 1 })
    assert.match(String(digest), /^[0-9a-f]{16}$/)
    assert.match(await waits.want([main], other), /waits for a person/)
    assert.match(await waits.want([main], `have ${main}`), /packfile/)
    // What a list is asked for by is a body, too.
    assert.match(await waits.refs('refs/heads/'), /waits for a person/)
    await approve()
    assert.match(await waits.refs('refs/heads/the iban of ana'), /waits for a person/)
    assert.match(await waits.refs('refs/heads/'), /refs\/heads\/main/)
  })

  for (const version of ['0', '2'])
    it(`a git that asks again sends the same body, which an approval is for (version ${version})`, async () => {
      const cell = await opened([['shop/desk: fetch']])
      const work = temporaryDirectory()
      const digests: unknown[][] = []
      for (const place of ['one', 'two']) {
        await git(work, '-c', `protocol.version=${version}`, 'clone', '-q', '--depth=1', `${cell.url}/shop/desk`, place)
        await git(join(work, place), '-c', `protocol.version=${version}`, 'fetch', '-q', 'origin', '--unshallow')
        const asked = (await cell.intents()).map(({ args }) => args as Readonly<Record<string, unknown>>)
        digests.push(asked.slice(digests[0]?.length ?? 0).map(({ what, digest }) => [what, digest]))
      }
      assert.ok((digests[0]?.length ?? 0) >= (version === '0' ? 4 : 6))
      assert.deepEqual(digests[1], digests[0])
    })

  for (const version of ['0', '2'])
    it(`GS1: tags that are shown come with what they name, and no others (version ${version})`, async () => {
      const place = join(server.directory, 'shop/desk.git')
      await git(place, 'tag', '-f', '-m', 'one', 'v/1', MAIN)
      await git(place, 'tag', '-f', '-m', 'hidden', 'internal', MAIN)
      const cell = await opened([[READS_MAIN], ['shop/desk refs/tags/v/*: fetch']])
      const own = temporaryDirectory()
      await git(own, 'init', '-q')
      await git(own, 'remote', 'add', 'origin', `${cell.url}/shop/desk`)
      await git(own, '-c', `protocol.version=${version}`, 'fetch', '-q', 'origin')
      assert.equal(await git(own, 'tag'), 'v/1')
      const objects = await git(own, 'cat-file', '--batch-all-objects', '--batch-check')
      assert.equal(objects.match(/ tag /g)?.length, 1)
    })

  it('GS3: a list for a push has the labels of what it shows, and charges nothing for what may be pushed', async () => {
    const pushes = 'shop/desk refs/heads/agent/*: push'
    const plain = await opened([[READS_MAIN], [pushes, { effect: 'write' }, ONCE]])
    for (let i = 0; i < 2; i++) assert.match(await plain.list('receive-pack'), /agent\/x/)
    assert.deepEqual(await plain.decided(), [[READS_MAIN], [READS_MAIN]])
    const labelled = { effect: 'write', returns: [{ path: [], labels: [CUSTOMERS] }] } as const
    const cell = await opened([[READS_MAIN], [pushes, labelled]])
    assert.match(await cell.list('receive-pack'), /agent\/x/)
    assert.deepEqual(cell.labels(), [CUSTOMERS])
    // Where its pattern may not be used, nothing with its labels is told.
    const spent = await opened([[READS_MAIN], [pushes, labelled, ONCE]])
    assert.match(await spent.list('receive-pack'), /agent\/x/)
    spent.cell.authority = { ...spent.cell.authority, exposure: new Exposure() }
    const list = await spent.list('receive-pack')
    assert.match(list, /refs\/heads\/main/)
    assert.doesNotMatch(list, /agent\//)
    const without = await opened([[READS_MAIN], [pushes]], { delegated: [READS_MAIN] })
    assert.doesNotMatch(await without.list('receive-pack'), /agent\/x/)
    const alone = await opened([[READS_MAIN], [pushes]], { delegated: [pushes] })
    assert.match(await alone.list('receive-pack'), /000[^\n]+ refs\/heads\/agent\/x\0[^\n]+\n0000$/)
    assert.deepEqual(await alone.decided(), [[pushes]])
  })

  it('S5: a push is decided by a pattern that the cell may use, of several that let it be made', async () => {
    const [wide, narrow] = ['shop/desk refs/heads/agent/*: push', 'shop/desk refs/heads/agent/new: push'] as const
    const cell = await opened([[wide], [narrow]], { delegated: [narrow] })
    const none = '0'.repeat(40)
    assert.match(await cell.push('refs/heads/agent/new', none, at[MAIN] ?? ''), /ok refs\/heads\/agent\/new/)
    assert.deepEqual(await cell.decided(), [[narrow]])
    assert.match(await cell.push('refs/heads/agent/newer', none, at[MAIN] ?? ''), /ng refs\/heads\/agent\/newer/)
  })

  it('GS3: a question about history is asked by those that have shown its commits', async () => {
    const labels = { returns: [{ path: [], labels: [CUSTOMERS] }] }
    const cell = await opened([[READS_MAIN], [READS_CUSTOMERS, labels], ['shop/desk refs/heads/agent/*: push']])
    await cell.refs('refs/heads/customers/')
    const made = 'refs/heads/agent/made'
    await cell.push(made, '0'.repeat(40), at[MAIN] ?? '')
    assert.match(await cell.push(made, at[MAIN] ?? '', at[ANA] ?? ''), /ok refs\/heads\/agent\/made/)
    const asked = (await cell.intents()).find(({ args }) => (args as { what?: string }).what === 'history')
    assert.equal(asked?.tool, READS_CUSTOMERS)
    // AH1: nobody is asked on the word of a cell that may not push.
    const delegated = [READS_MAIN, READS_CUSTOMERS]
    const other = await opened([[READS_MAIN], [READS_CUSTOMERS], ['shop/desk refs/heads/agent/*: push']], { delegated })
    await other.refs()
    assert.match(await other.push(AGENT, at[MAIN] ?? '', at[ANA] ?? ''), /ng refs\/heads\/agent\/x/)
    assert.deepEqual(await other.decided(), [[READS_MAIN, READS_CUSTOMERS]])
  })

  it('S4: GS3: what changes nothing goes on while the witness is away, by the patterns that only read', async () => {
    const works = 'shop/desk refs/heads/agent/*: fetch, push'
    const cell = await opened([[READS_MAIN], [works, { effect: 'write' }]])
    assert.match(await cell.refs(), /agent\/x/)
    cell.pass(60_000)
    const list = await cell.refs()
    assert.match(list, /refs\/heads\/main/)
    assert.doesNotMatch(list, /agent\/x/)
    assert.deepEqual(await cell.decided(), [[READS_MAIN, works], [READS_MAIN]])
  })

  it('GS4: S2: F1: a repository that a pattern or a policy names has those letters, and no others lead to it', async () => {
    // The servers of most hosts take all spellings for one repository.
    for (const name of ['shop/Desk.git', 'SHOP'])
      symlinkSync(name === 'SHOP' ? 'shop' : 'desk.git', join(server.directory, name))
    const wide: Given = ['shop/*: fetch']
    const named: Given = ['shop/desk: fetch', { returns: [{ path: [], labels: [CUSTOMERS] }] }]
    const list = (url: string, repository: string) =>
      fetch(`${url}/${repository}.git/info/refs?service=git-upload-pack`).then((answer) => answer.text())
    const cell = await opened([wide, ['*/*: fetch'], named])
    for (const other of ['shop/Desk', 'SHOP/desk', 'SHOP/DESK'])
      assert.match(await list(cell.url, other), new RegExp(`ERR .*${other} is written shop/desk here`))
    const post = (path: string, type: string, body: string | Uint8Array) =>
      fetch(`${cell.url}/shop/Desk.git/${path}`, { method: 'POST', headers: { 'content-type': type }, body })
    for (const asked of [
      post('git-upload-pack', 'application/x-git-upload-pack-request', FLUSH),
      post('git-receive-pack', 'application/x-git-receive-pack-request', FLUSH),
      post('info/lfs/objects/batch', 'application/vnd.git-lfs+json', '{}'),
      post(`info/lfs/verify/${'a'.repeat(64)}`, 'application/vnd.git-lfs+json', '{}'),
    ])
      assert.match(await (await asked).text(), /is written shop\/desk here/)
    assert.deepEqual([server.exchanges.length, cell.labels()], [0, []])
    assert.match(await list(cell.url, 'shop/desk'), /refs\/heads\/main/)
    assert.deepEqual(cell.labels(), [CUSTOMERS])
    const forbids = (rule: string) =>
      opened([wide], {
        policies: `forbid (principal, action, resource) when { context.args has repository && ${rule} };`,
      })
    for (const rule of [
      'context.args.repository == "shop/desk"',
      '["shop/desk"].contains(context.args.repository)',
      'context.args.repository like "shop/de*"',
    ]) {
      const ruled = await forbids(rule)
      for (const each of ['shop/desk', 'shop/Desk', 'shop/DESK'])
        assert.doesNotMatch(await list(ruled.url, each), /refs\/heads\/main/, `${each} under ${rule}`)
      assert.equal(server.exchanges.length, 0)
    }
    const elsewhere = await forbids('context.args.repository == "shop/else"')
    assert.match(await list(elsewhere.url, 'shop/Desk'), /refs\/heads\/main/)
  })

  it('GS3: files of LFS are had by each pattern that lets them be had, and the cell may use', async (t) => {
    t.after(() => {
      server.answers = undefined
    })
    const type = 'application/vnd.git-lfs+json'
    const objects = [{ oid: 'a'.repeat(64), size: 1 }]
    server.answers = () => ({
      status: 200,
      headers: [['content-type', type]],
      body: Buffer.from(JSON.stringify({ objects })),
    })
    const [wide, narrow] = ['shop/*: lfs', 'shop/desk: lfs'] as const
    const given: readonly Given[] = [[wide], [narrow, { returns: [{ path: [], labels: [CUSTOMERS] }] }]]
    for (const [delegated, by] of [
      [undefined, [wide, narrow]],
      [[narrow], [narrow]],
    ] as const) {
      const cell = await opened(given, delegated === undefined ? {} : { delegated })
      const body = JSON.stringify({ operation: 'download', objects })
      const batch = `${cell.url}/shop/desk.git/info/lfs/objects/batch`
      assert.equal((await fetch(batch, { method: 'POST', headers: { 'content-type': type }, body })).status, 200)
      assert.deepEqual([await cell.decided(), cell.labels()], [[by], [CUSTOMERS]])
    }
  })
})

/** A pack without objects, as git sends it with what is there already. */
const EMPTY_PACK = Buffer.from(
  'PACK\0\0\0\x02\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e',
  'latin1',
)

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { choosing } from '../../src/host/files/commit.ts'
import { pathPattern } from '../../src/model/text/pattern.ts'
import { until } from '../kit/until.ts'
import { hostDirectory, launched, NODE, ran, SKIP, spec, warden, workspaceOver } from './kit.ts'

const OWNER = 4_242

function ownedDirectory(files: Readonly<Record<string, string>>): string {
  const directory = hostDirectory()
  chownSync(directory, OWNER, OWNER)
  for (const [path, text] of Object.entries(files)) {
    const parts = path.split('/').slice(0, -1)
    for (let i = 1; i <= parts.length; i++) {
      const parent = join(directory, ...parts.slice(0, i))
      mkdirSync(parent, { recursive: true })
      chownSync(parent, OWNER, OWNER)
    }
    writeFileSync(join(directory, path), text)
    chownSync(join(directory, path), OWNER, OWNER)
  }
  return directory
}

async function diffOf(changes: string) {
  const diff = await (await warden()).diff(changes)
  assert.ok(diff.ok, JSON.stringify(diff))
  return diff.value
}

describe('what a cell changed', { skip: SKIP }, () => {
  it('S3: is told without anything privileged walking it, and the given directory stays as it was', async () => {
    const lower = ownedDirectory({
      same: 'x',
      edited: 'old',
      gone: 'x',
      'dir/old': 'x',
      'dir/kept': 'x',
      'redone/old': 'x',
    })
    const workspace = workspaceOver(lower)
    const work =
      'echo new > edited; rm gone; echo x > dir/added; rm dir/old; rm -r redone; mkdir redone; echo x > redone/new; chmod 755 same; ln -s /etc/passwd out; mkfifo pipe; echo x > .envrc; touch -c dir/kept; cat same >> /dev/null'
    const { exit, stderr } = await ran(spec(['sh', '-c', work], { workspace }))
    assert.equal(exit.code, 0, stderr)
    const diff = await diffOf(workspace.changes)
    assert.deepEqual(diff.changes.map(({ kind, path }) => `${kind} ${path}`).toSorted(), [
      'added .envrc',
      'added dir/added',
      'added out',
      'added redone/new',
      'changed edited',
      'changed same',
      'removed dir/old',
      'removed gone',
      'removed redone/old',
    ])
    assert.deepEqual(diff.refused, [{ refused: 'pipe', why: 'a FIFO' }])
    assert.deepEqual(diff.executes.map(({ path }) => path).toSorted(), ['.envrc', 'out', 'same'])
    assert.equal(readFileSync(join(lower, 'edited'), 'utf8'), 'old')
    assert.deepEqual(readdirSync(lower).toSorted(), ['dir', 'edited', 'gone', 'redone', 'same'])
  })

  it('lands as the owner, and what a host would execute only on a yes', async () => {
    const lower = ownedDirectory({ edited: 'old', gone: 'x', 'dir/file': 'x', 'package.json': '{}' })
    const workspace = workspaceOver(lower)
    await ran(
      spec(
        [
          'sh',
          '-c',
          'echo new > edited; rm gone; rm -r dir; echo now a file > dir; mkdir -p a/b; echo x > a/b/c; chmod 700 a/b/c; echo evil > package.json',
        ],
        { workspace },
      ),
    )
    const all = (await diffOf(workspace.changes)).changes.map(({ path }) => path)
    assert.ok(all.includes('package.json'))
    const warned = await (await warden()).commit(workspace.changes, all, [])
    assert.ok(!warned.ok && warned.reason.kind === 'unconfirmed')
    assert.deepEqual(
      warned.reason.executes.map(({ path }) => path).toSorted(),
      ['a/b/c', 'dir', 'package.json'],
      'a file in the place of a directory, and one that may be executed, too',
    )
    assert.equal(readFileSync(join(lower, 'edited'), 'utf8'), 'old', 'refused as a whole')

    const harmless = all.filter((path) => path !== 'package.json')
    const landing = await (await warden()).commit(workspace.changes, harmless, ['dir', 'a/b/c'])
    assert.ok(landing.ok, JSON.stringify(landing))
    assert.deepEqual(landing.value.refused, [])
    assert.equal(readFileSync(join(lower, 'edited'), 'utf8'), 'new\n')
    assert.equal(readFileSync(join(lower, 'dir'), 'utf8'), 'now a file\n')
    assert.equal(statSync(join(lower, 'a/b/c')).mode & 0o777, 0o700)
    for (const path of ['edited', 'a', 'a/b', 'a/b/c', 'dir'])
      assert.equal(lstatSync(join(lower, path)).uid, OWNER, path)
    assert.throws(() => lstatSync(join(lower, 'gone')))
    assert.equal(readFileSync(join(lower, 'package.json'), 'utf8'), '{}')

    const rest = await diffOf(workspace.changes)
    assert.deepEqual(
      rest.changes.map(({ path }) => path),
      ['package.json'],
    )
    const yes = await (await warden()).commit(
      workspace.changes,
      ['package.json', '../escape', 'nothing'],
      ['package.json'],
    )
    assert.ok(yes.ok)
    assert.deepEqual(yes.value.landed, ['package.json'])
    assert.deepEqual(
      yes.value.refused.map(({ refused }) => refused),
      ['../escape', 'nothing'],
    )
    assert.ok((await (await warden()).discard(workspace.changes)).ok)
    assert.ok(!(await (await warden()).diff(workspace.changes)).ok, 'nothing is kept any more')
  })

  it('S16: a cell can hide nothing of what it made: not in a directory it shut, not under a path too long to name', async () => {
    const workspace = workspaceOver(ownedDirectory({}))
    const hiding = `const fs=require('fs'),long='d'.repeat(250)
      fs.mkdirSync('shut'); fs.writeFileSync('shut/x',''); fs.chmodSync('shut',0)
      for(let i=0;i<17;i++){fs.mkdirSync(long);process.chdir(long)}
      fs.writeFileSync('deep','')`
    const { stderr } = await ran(spec([NODE, '-e', hiding], { workspace }))
    assert.equal(stderr, '')
    const diff = await diffOf(workspace.changes)
    assert.deepEqual(diff.refused.map(({ refused, why }) => [refused.slice(0, 4), why]).toSorted(), [
      ['dddd', 'it cannot be looked at: ENAMETOOLONG'],
      ['shut', 'what is in it cannot be listed: EACCES'],
    ])
  })

  it('S17: files of holes are landed up to what their disk could hold', async () => {
    const lower = ownedDirectory({})
    const workspace = workspaceOver(lower)
    const limits = { ...spec(['true']).limits, diskBytes: 32 * 1024 * 1024 }
    const holes = 'truncate -s 1T tera; for i in 1 2 3; do truncate -s 14M holes$i; done'
    await ran(spec(['sh', '-c', holes], { workspace, limits }))
    const diff = await diffOf(workspace.changes)
    assert.deepEqual(
      diff.refused.map(({ refused }) => refused),
      ['tera'],
    )
    const paths = diff.changes.map(({ path }) => path)
    assert.equal(paths.length, 3)
    const landing = await (await warden()).commit(workspace.changes, paths, [])
    assert.ok(landing.ok)
    assert.equal(landing.value.landed.length, 2)
    assert.match(landing.value.refused[0]?.why ?? '', /more bytes than their disk can hold/)
    assert.equal(readdirSync(lower).length, 2)
  })

  it('S1: a link that only seems to stay inside needs a yes', async () => {
    const workspace = workspaceOver(ownedDirectory({}))
    await ran(spec(['sh', '-c', 'ln -s . here; ln -s here/here/here/../../../etc/passwd notes'], { workspace }))
    assert.deepEqual(
      (await diffOf(workspace.changes)).executes.map(({ path }) => path),
      ['notes'],
    )
  })

  it('S1: landing is not redirected by a symlink swapped in while it lands', async () => {
    const lower = ownedDirectory({ 'dir/file': 'x' })
    const victim = ownedDirectory({ kept: 'x' })
    const workspace = workspaceOver(lower)
    await ran(spec(['sh', '-c', 'for i in $(seq 1 60); do echo x > dir/f$i; done'], { workspace }))
    const paths = (await diffOf(workspace.changes)).changes.map(({ path }) => path)
    assert.equal(paths.length, 60)
    let swapping = true
    const swaps = (async () => {
      while (swapping) {
        renameSync(join(lower, 'dir'), join(lower, 'real'))
        symlinkSync(victim, join(lower, 'dir'))
        await delay(1)
        unlinkSync(join(lower, 'dir'))
        renameSync(join(lower, 'real'), join(lower, 'dir'))
        await delay(1)
      }
    })()
    const landing = await (await warden()).commit(workspace.changes, paths, [])
    swapping = false
    await swaps
    assert.ok(landing.ok, JSON.stringify(landing))
    assert.deepEqual(readdirSync(victim), ['kept'])
    assert.equal(landing.value.landed.length + landing.value.refused.length, 60)
  })

  it('a symlink that stands in the way from the start is refused, not followed', async () => {
    const lower = ownedDirectory({ 'dir/file': 'x' })
    const victim = ownedDirectory({})
    const workspace = workspaceOver(lower)
    await ran(spec(['sh', '-c', 'echo x > dir/new'], { workspace }))
    rmSync(join(lower, 'dir'), { recursive: true })
    symlinkSync(victim, join(lower, 'dir'))
    const landing = await (await warden()).commit(workspace.changes, ['dir/new'], [])
    assert.ok(landing.ok)
    assert.deepEqual(landing.value.landed, [])
    assert.match(landing.value.refused[0]?.why ?? '', /ELOOP|ENOTDIR/)
    assert.deepEqual(readdirSync(victim), [])
  })

  it('changes of a live cell are read and landed as they stand at one moment, and it goes on', async () => {
    const lower = ownedDirectory({})
    const workspace = workspaceOver(lower)
    const cell = await launched(
      spec(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i > count; sleep 0.01; done'], { workspace }),
    )
    cell.start()
    const count = join(cell.upper ?? '', 'count')
    await until('it counts', () => existsSync(count))
    assert.deepEqual(
      (await diffOf(workspace.changes)).changes.map(({ path }) => path),
      ['count'],
    )
    const landing = await (await warden()).commit(workspace.changes, ['count'], [])
    assert.deepEqual(landing, { ok: true, value: { landed: ['count'], refused: [], left: [] } })
    // A shell empties it before it writes: that is a moment, too.
    assert.match(readFileSync(join(lower, 'count'), 'utf8'), /^(?:\d+\n)?$/)
    assert.equal(lstatSync(join(lower, 'count')).uid, OWNER)
    assert.ok(!(await (await warden()).discard(workspace.changes)).ok)
    const seen = readFileSync(count, 'utf8')
    await until('it goes on', () => readFileSync(count, 'utf8') !== seen)
    await cell.teardown()
  })

  for (const [disk, accepts] of [
    ['a disk of their own', []],
    ['the host’s', ['disk']],
  ] as const)
    it(`S11: of files at rest (${disk}) the bytes that were judged land, and none that a run has put under their names since`, async () => {
      const lower = ownedDirectory({ gone: 'x', link: 'x', 'dir/file': 'x' })
      const workspace = workspaceOver(lower)
      await ran(
        spec(['sh', '-c', 'echo good > same; echo good > file; rm gone; ln -sf same link; echo good > made'], {
          workspace,
          accepts,
        }),
      )
      const again =
        'echo evil > file; echo evil > gone; ln -sf ../../x link; rm made; mkdir made; rm -f dir/file; echo evil > dir/file'
      const before = await diffOf(workspace.changes)
      const paths = before.changes.map(({ path }) => path)
      const wanted = [...paths, 'dir/file']
      const landing = await (await warden()).commitChosen(workspace.changes, async () => {
        const { exit, stderr } = await ran(spec(['sh', '-c', again], { workspace, accepts }))
        assert.equal(exit.code, 0, stderr)
        return { paths: wanted, confirmed: [] }
      })
      assert.ok(landing.ok, JSON.stringify(landing))
      assert.deepEqual(landing.value.landed, ['same'])
      assert.deepEqual(readdirSync(lower).toSorted(), ['dir', 'gone', 'link', 'same'])
      assert.deepEqual(
        ['gone', 'link', 'dir/file'].map((path) => readFileSync(join(lower, path), 'utf8')),
        ['x', 'x', 'x'],
      )
      const whys = new Map(landing.value.refused.map(({ refused, why }) => [refused, why]))
      assert.equal(whys.get('dir/file'), 'not a change')
      for (const path of ['file', 'gone', 'link', 'made'])
        assert.match(whys.get(path) ?? '', /is not what was judged any more.*firebreak diff/, path)
      const now = await (await warden()).commit(workspace.changes, ['file'], [])
      assert.deepEqual(now, { ok: true, value: { landed: ['file'], refused: [], left: [] } })
      assert.equal(readFileSync(join(lower, 'file'), 'utf8'), 'evil\n')
    })

  it('S11: of a live cell the bytes of the moment land in which it was judged', async () => {
    const lower = ownedDirectory({})
    const workspace = workspaceOver(lower)
    const cell = await launched(spec(['sh', '-c', 'while :; do date +%N > time; done'], { workspace }))
    cell.start()
    const time = join(cell.upper ?? '', 'time')
    await until('it writes', () => existsSync(time))
    let judged = ''
    const landing = await (await warden()).commitChosen(workspace.changes, async ({ changes }) => {
      judged = readFileSync(time, 'utf8')
      await delay(50)
      return { paths: changes.map(({ path }) => path), confirmed: [] }
    })
    assert.deepEqual(landing, { ok: true, value: { landed: ['time'], refused: [], left: [] } })
    assert.equal(readFileSync(join(lower, 'time'), 'utf8'), judged)
    await cell.teardown()
  })

  it('S1: what a host would act upon lands from under no live cell, whatever a person has confirmed', async () => {
    const lower = ownedDirectory({ 'package.json': '{}' })
    const workspace = workspaceOver(lower)
    const cell = await launched(spec(['sh', '-c', 'echo evil > package.json; sleep 60'], { workspace }))
    cell.start()
    const changed = join(cell.upper ?? '', 'package.json')
    await until('it has written', () => existsSync(changed) && readFileSync(changed, 'utf8') === 'evil\n')
    const landing = await (await warden()).commit(workspace.changes, ['package.json'], ['package.json'])
    assert.ok(!landing.ok && landing.reason.kind === 'unconfirmed')
    assert.equal(readFileSync(join(lower, 'package.json'), 'utf8'), '{}')
    await cell.teardown()
    assert.ok((await (await warden()).commit(workspace.changes, ['package.json'], ['package.json'])).ok, 'control')
  })

  it('by rule: what matches lands, with its deletions and modes; the rest stays, and is told why', async () => {
    const lower = ownedDirectory({
      'src/edited': 'old',
      'src/gone': 'x',
      'src/tool': 'x',
      'src/hook': 'x',
      'vendor/keep/x': 'x',
      'vendor/y': 'x',
      other: 'x',
      'lib/a': 'x',
    })
    const workspace = workspaceOver(lower)
    const work = `echo new > src/edited; rm src/gone; chmod 755 src/tool src/hook; mkdir -p src/a/b; echo x > src/a/b/c
      ln -s ../../.. src/up; ln -s edited src/near; echo x > other; rm -r vendor lib; mkfifo src/pipe
      echo x > src/.envrc; mkdir src/.GIT; echo x > src/.GIT/config; echo x > src/Secret.KEY`
    const { exit, stderr } = await ran(spec(['sh', '-c', work], { workspace }))
    assert.equal(exit.code, 0, stderr)
    const rule = {
      allow: ['src/**', 'vendor/**', 'lib/**'],
      never: ['vendor/keep/**', 'src/.git/**', 'src/*.key'],
    }
    const patterns = (texts: readonly string[]) => texts.map((text) => pathPattern(text) ?? [])
    const wanted = { rule: { allow: patterns(rule.allow), never: patterns(rule.never) }, confirmed: ['src/tool'] }
    const landing = await (await warden()).commitChosen(workspace.changes, choosing(wanted))
    assert.ok(landing.ok, JSON.stringify(landing))
    assert.deepEqual(landing.value.landed.toSorted(), [
      'lib',
      'src/a',
      'src/a/b',
      'src/a/b/c',
      'src/edited',
      'src/gone',
      'src/near',
      'src/tool',
    ])
    assert.deepEqual(
      landing.value.left
        .map(({ path, needsPerson = false }) => `${path}${needsPerson ? ' needs a person' : ''}`)
        .toSorted(),
      [
        'other',
        'src/.GIT',
        'src/.GIT/config',
        'src/.envrc needs a person',
        'src/Secret.KEY',
        'src/hook needs a person',
        'src/up needs a person',
        'vendor',
      ],
    )
    assert.equal(readFileSync(join(lower, 'src/edited'), 'utf8'), 'new\n')
    assert.equal(statSync(join(lower, 'src/tool')).mode & 0o777, 0o755)
    assert.deepEqual(readdirSync(join(lower, 'src')).toSorted(), ['a', 'edited', 'hook', 'near', 'tool'])
    assert.deepEqual(readdirSync(lower).toSorted(), ['other', 'src', 'vendor'])
    assert.deepEqual(readdirSync(join(lower, 'vendor/keep')), ['x'])
  })

  const plain = () => ({ workspace: workspaceOver(ownedDirectory({})), accepts: ['disk'] as const })
  const MANY =
    'mkdir -p d/e; i=0; while [ $i -lt 200 ]; do i=$((i+1)); mkdir d/$i; (cd d/$i; seq 100 | xargs touch); done'

  it('S16: a cell begins anew on files that are thrown away, however long they take to be removed', async () => {
    const over = plain()
    await ran(spec(['sh', '-c', MANY], over))
    const held: boolean[] = []
    const discarded = (await warden()).discard(over.workspace.changes, () => {
      held.push(existsSync(join(over.workspace.changes, 'upper')))
    })
    const { stdout, stderr } = await ran(spec(['sh', '-c', 'ls -A; echo new > file'], over))
    assert.deepEqual([stdout, stderr], ['', ''])
    assert.deepEqual(await discarded, { ok: true, value: undefined })
    assert.deepEqual(held, [false])
    assert.deepEqual(
      (await diffOf(over.workspace.changes)).changes.map(({ path }) => path),
      ['file'],
    )
    assert.deepEqual(readdirSync(over.workspace.changes).toSorted(), ['record.json', 'upper', 'work'])
  })

  it('S8: a disk of changes takes another name, and is removed by no process that follows orders', async () => {
    const workspace = workspaceOver(ownedDirectory({}))
    await ran(spec(['sh', '-c', 'echo new > file'], { workspace }))
    const held: string[] = []
    assert.ok(
      (await (await warden()).discard(workspace.changes, () => held.push(...readdirSync(workspace.changes)))).ok,
    )
    assert.match(held.join(' '), /^discarded-[0-9a-f]{32}-disk$/)
    assert.deepEqual(readdirSync(workspace.changes), [])
  })

  for (const when of ['held', 'removing']) {
    it(`S16: a warden that is killed while it throws files away (${when}) leaves none under the next cell`, async () => {
      const over = plain()
      const { changes } = over.workspace
      await ran(spec(['sh', '-c', MANY], over))
      const program = join(import.meta.dirname, 'doomed-discarder.ts')
      assert.equal(spawnSync(process.execPath, [program, changes, when]).signal, 'SIGKILL')
      // The next warden frees what the killed one held.
      const next = await openWarden()
      assert.ok(next.ok)
      await next.value.close()
      const { stdout, stderr } = await ran(spec(['sh', '-c', 'ls -A; mkdir d; echo new > d/file'], over))
      assert.deepEqual([stdout, stderr], ['', ''])
      if (when === 'held')
        assert.ok(
          readdirSync(changes).some((name) => name.startsWith('discarded-')),
          'control',
        )
      await (await warden()).sweep(changes)
      assert.deepEqual(readdirSync(changes).toSorted(), ['record.json', 'upper', 'work'])
      assert.equal((await ran(spec(['cat', 'd/file'], over))).stdout, 'new\n')
    })
  }

  it('S9: looking at a frozen cell does not set it free, nor does a look during which it is frozen', async () => {
    const workspace = workspaceOver(ownedDirectory({}))
    const cell = await launched(
      spec(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i > count; sleep 0.01; done'], { workspace }),
    )
    cell.start()
    await until('it counts', () => existsSync(join(cell.upper ?? '', 'count')))
    const looking = diffOf(workspace.changes)
    await delay(30)
    assert.ok((await cell.freeze()).ok)
    await looking
    const stands = (): string =>
      cell
        .pids()
        .map((pid) => readFileSync(`/proc/${pid}/schedstat`, 'utf8'))
        .join()
    const frozen = stands()
    await delay(60)
    assert.equal(stands(), frozen, 'frozen during a look')
    await diffOf(workspace.changes)
    await delay(60)
    assert.equal(stands(), frozen, 'frozen before a look')
    assert.ok((await cell.thaw()).ok)
    await until('control: a thaw does', () => stands() !== frozen)
    await cell.teardown()
  })

  it('S17: twenty thousand new files are told, one by one', async () => {
    const workspace = workspaceOver(ownedDirectory({}))
    const many = 'const fs=require("fs");fs.mkdirSync("d");for(let i=0;i<20000;i++)fs.writeFileSync("d/"+i,"")'
    await ran(spec([NODE, '-e', many], { workspace }))
    const diff = await diffOf(workspace.changes)
    assert.equal(diff.changes.length, 20_001)
  })

  it('the next cell on the same changes goes on where the last stopped', async () => {
    const workspace = workspaceOver(ownedDirectory({ given: 'x' }))
    await ran(spec(['sh', '-c', 'echo first > note; ln -s note link'], { workspace }))
    const { stdout } = await ran(spec(['cat', 'note', 'given'], { workspace }))
    assert.equal(stdout, 'first\nx')
    assert.throws(() => readlinkSync(join(workspace.lower, 'link')))
  })

  it('S16: a removed directory goes where nothing in it is newer but what landed there, and else stays whole', async () => {
    const lower = ownedDirectory({ 'd/sub/old': 'x' })
    const workspace = workspaceOver(lower)
    const commit = async (...paths: string[]) => (await warden()).commit(workspace.changes, paths, [])
    await ran(spec(['sh', '-c', 'mkdir new; echo x > new/a'], { workspace }))
    assert.ok((await commit('new', 'new/a')).ok)
    await ran(spec(['rm', '-r', 'new', 'd'], { workspace }))
    writeFileSync(join(lower, 'd/sub/thesis'), 'a week')
    const marks = (await diffOf(workspace.changes)).changes.map((each) => [each.kind, each.path, each.changedBelow])
    assert.deepEqual(marks.toSorted(), [
      ['removed', 'd', true],
      ['removed', 'new', undefined],
    ])
    const landing = await commit('new', 'd')
    assert.ok(landing.ok, JSON.stringify(landing))
    assert.deepEqual(landing.value.landed, ['new'])
    assert.deepEqual(
      landing.value.refused.map(({ refused }) => refused),
      ['d'],
    )
    assert.deepEqual([readdirSync(lower), readdirSync(join(lower, 'd/sub')).toSorted()], [['d'], ['old', 'thesis']])
  })

  it('CR3: what a host acts upon by what it is lands by no rule: a repository of any name, a link of git, a program, a link to a hook', async () => {
    const lower = ownedDirectory({ 'replies/old': 'x', 'replies/half/HEAD': 'ref: x', 'replies/half/objects/x': 'x' })
    const workspace = workspaceOver(lower)
    const work = `cd replies; mkdir -p notes/objects notes/refs half/refs; echo 'ref: refs/heads/main' > notes/HEAD
      printf '[core]\\n\\tworktree = .\\n\\tfsmonitor = id\\n' > notes/config; cp notes/config renamed; echo x > notes/letter
      echo 'gitdir: /elsewhere' > tree; printf '#!/bin/sh\\nid\\n' > tool; chmod 755 tool; cp tool text; chmod 644 text
      ln -s .envrc near; echo hello > letter; touch half/x`
    const { exit, stderr } = await ran(spec(['sh', '-c', work], { workspace }))
    assert.equal(exit.code, 0, stderr)
    const wanted = { rule: { allow: [pathPattern('replies/**') ?? []], never: [] }, confirmed: [] }
    const landing = await (await warden()).commitChosen(workspace.changes, choosing(wanted))
    assert.ok(landing.ok, JSON.stringify(landing))
    assert.deepEqual(landing.value.landed.toSorted(), ['replies/letter', 'replies/notes', 'replies/text'])
    const left = landing.value.left.filter(({ needsPerson }) => needsPerson).map(({ path }) => path)
    assert.deepEqual(left.toSorted(), [
      ...['replies/half/refs', 'replies/half/x', 'replies/near', 'replies/notes/HEAD', 'replies/notes/config'],
      ...['replies/notes/letter', 'replies/notes/objects', 'replies/notes/refs', 'replies/renamed', 'replies/tool'],
      'replies/tree',
    ])
    assert.equal(existsSync(join(lower, 'replies/notes/HEAD')), false)
  })

  it('S10: what is hidden of a workspace is empty to its cell, under any name, and stays what it was', async () => {
    const lower = ownedDirectory({ '.env': 'K=1', 'api/.env': 'K=2', 'keys/id': 'K=3', 'gone/.env': 'K=4', other: 'x' })
    const workspace = { ...workspaceOver(lower), hidden: ['.env', 'api/.env', 'keys', 'gone/.env'] }
    const work = `cat .env api/.env; ls keys; for e in 'mv .env a' 'rm .env' 'ln .env b' 'rm -r keys' 'mv keys k'; do $e; done 2>/dev/null
      echo x > .env; echo x > keys/new; mv api moved; cat moved/.env; cp -r . /tmp/all; ln -s .env c; cat c /tmp/all/*/.env
      umount .env; mount --bind other .env; cat .env /proc/self/root/work/.env; rm -r gone; true`
    for (const again of ['', 'again']) {
      const { exit, stdout } = await ran(spec(['sh', '-c', work], { workspace }))
      assert.equal(exit.code, 0)
      assert.doesNotMatch(stdout, /K=/, again)
    }
    const { changes } = await diffOf(workspace.changes)
    assert.ok(
      changes.every(({ path }) => !/^(?:\.env|keys)/.test(path) || path === '.env.x'),
      JSON.stringify(changes),
    )
    assert.equal(readFileSync(join(lower, 'keys/id'), 'utf8'), 'K=3')
    // Without the mounts they are what they were.
    const shown = await ran(spec(['cat', '.env'], { workspace: { ...workspace, hidden: [] } }))
    assert.equal(shown.stdout, 'K=1')
  })
})

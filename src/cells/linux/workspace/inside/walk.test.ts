import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { Change, RefusedChange } from '../../../workspace.ts'
import { leadsOut, walk } from './walk.ts'

describe('walk', () => {
  let base = ''
  const tree = (name: string) => join(base, name)
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'firebreak-walk-'))
    for (const name of ['lower', 'upper', 'merged']) mkdirSync(tree(name))
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  /** Both what overlayfs would write down and what would be seen. */
  const changed = (path: string, text: string) => {
    for (const name of ['upper', 'merged']) {
      mkdirSync(join(tree(name), path, '..'), { recursive: true })
      writeFileSync(join(tree(name), path), text)
    }
  }
  const given = (path: string, text: string) => {
    for (const name of ['lower', 'merged']) {
      mkdirSync(join(tree(name), path, '..'), { recursive: true })
      writeFileSync(join(tree(name), path), text)
    }
  }
  const told = (): readonly (Change | RefusedChange)[] => {
    const found: (Change | RefusedChange)[] = []
    assert.equal(
      walk(
        {
          lower: tree('lower'),
          upper: tree('upper'),
          merged: tree('merged'),
          sinceMs: Date.now() + 1_000,
          diskBytes: 2 ** 30,
        },
        (each) => found.push(each),
      ),
      true,
    )
    return found
  }
  const summary = () =>
    told()
      .map((each) => ('refused' in each ? `! ${each.refused}: ${each.why}` : `${each.kind} ${each.path}`))
      .toSorted()

  it('tells added, changed and removed, and nothing of what stayed', () => {
    given('same', 'x')
    given('deep/other', 'x')
    given('changed', 'old')
    given('gone', 'x')
    rmSync(join(tree('merged'), 'gone'))
    changed('changed', 'new')
    changed('deep/new', 'x')
    assert.deepEqual(summary(), ['added deep/new', 'changed changed', 'removed gone'])
  })

  it('tells which file it is, also where directories were exchanged since', () => {
    changed('pkg/a', 'good')
    changed('doc/a', 'evil')
    const inodes = () =>
      Object.fromEntries(told().flatMap((each) => ('refused' in each ? [] : [[each.path, each.inode.split(' ')[0]]])))
    const before = inodes()
    for (const [from, to] of [
      ['pkg', 'x'],
      ['doc', 'pkg'],
      ['x', 'doc'],
    ] as const)
      for (const name of ['upper', 'merged']) renameSync(join(tree(name), from), join(tree(name), to))
    const after = inodes()
    assert.notEqual(before['pkg/a'], before['doc/a'])
    assert.deepEqual([after['pkg/a'], after['doc/a']], [before['doc/a'], before['pkg/a']])
  })

  it('a file that was opened for writing and not changed is no change', () => {
    given('touched', 'same')
    changed('touched', 'same')
    assert.deepEqual(summary(), [])
  })

  it('a change of mode alone is one', () => {
    given('script', 'x')
    changed('script', 'x')
    for (const name of ['upper', 'merged']) chmodSync(join(tree(name), 'script'), 0o755)
    assert.deepEqual(summary(), ['changed script'])
  })

  it('a file that became a directory is one change, and what is in it another', () => {
    given('thing', 'x')
    rmSync(join(tree('merged'), 'thing'))
    changed('thing/inside', 'x')
    assert.deepEqual(summary(), ['added thing/inside', 'changed thing'])
  })

  it('refuses and names set-user-ID files and names that are not text', () => {
    changed('root', 'x')
    chmodSync(join(tree('merged'), 'root'), 0o4755)
    for (const name of ['upper', 'merged'])
      writeFileSync(Buffer.concat([Buffer.from(`${tree(name)}/`), Buffer.from([0xff, 0xfe])]), 'x')
    assert.deepEqual(summary(), ['! /ÿþ: its name is not UTF-8', '! root: a set-user-ID or set-group-ID file'])
  })

  it('S16: what of it is no text is told of a file that was removed, and of what links lead to', () => {
    const latin = (tail: string) => Buffer.concat([Buffer.from([0xe9]), Buffer.from(tail)])
    mkdirSync(join(tree('lower'), 'd'))
    for (const name of ['upper', 'merged']) mkdirSync(join(tree(name), 'd'))
    writeFileSync(Buffer.concat([Buffer.from(`${tree('lower')}/d/`), latin('gone')]), 'x')
    const link = (trees: readonly string[], name: string, target: Buffer) => {
      for (const each of trees) symlinkSync(target, join(tree(each), name))
    }
    link(['lower', 'upper', 'merged'], 'same', latin('x'))
    link(['lower'], 'moved', latin('x'))
    link(['upper', 'merged'], 'moved', Buffer.from([0xe8, 0x78]))
    link(['upper', 'merged'], 'new', latin('x'))
    link(['upper', 'merged'], 'to', Buffer.from('same'))
    assert.deepEqual(summary(), [
      '! d/égone: it was removed, and its name is not UTF-8',
      '! moved: what it leads to is not UTF-8',
      '! new: what it leads to is not UTF-8',
      'added to',
    ])
    assert.deepEqual(
      told().flatMap((each) => ('leadsOut' in each && each.leadsOut ? [each.path] : [])),
      ['to'],
      'what cannot be read can lead anywhere',
    )
  })

  it('says which of the owner’s files changed meanwhile', () => {
    given('both', 'old')
    changed('both', 'new')
    const found: (Change | RefusedChange)[] = []
    walk({ lower: tree('lower'), upper: tree('upper'), merged: tree('merged'), sinceMs: Date.now() - 60_000 }, (each) =>
      found.push(each),
    )
    assert.equal(found.length, 1)
    assert.ok(found[0] && 'changedBelow' in found[0] && found[0].changedBelow)
    utimesSync(join(tree('lower'), 'both'), 0, 0)
  })

  it('tells where symlinks lead', () => {
    for (const name of ['upper', 'merged']) symlinkSync('/etc/passwd', join(tree(name), 'link'))
    const [link] = told()
    assert.ok(link && 'target' in link)
    assert.equal(link.target, '/etc/passwd')
    assert.equal(link.leadsOut, true)
  })

  it('a link that leads out by another link of either tree is told as one that does', () => {
    const link = (trees: readonly ('lower' | 'upper' | 'merged')[], name: string, target: string) => {
      for (const each of trees) symlinkSync(target, join(tree(each), name))
    }
    const [given, made] = [
      ['lower', 'merged'],
      ['upper', 'merged'],
    ] as const
    link(given, 'home', '/home/ana')
    link(given, 'lib.1', 'lib.1.2')
    link(['lower'], 'was', '/home/ana')
    for (const [name, target] of [
      ['through', 'home/rc'],
      ['last', 'home'],
      ['chain', 'last'],
      ['meanwhile', 'was'],
      ['round', 'round'],
      ['lib', 'lib.1'],
      ['plain', 'none/rc'],
    ] as const)
      link(made, name, target)
    const out = told().flatMap((each) => ('kind' in each && each.kind === 'added' && each.leadsOut ? [each.path] : []))
    assert.deepEqual(out.toSorted(), ['chain', 'last', 'meanwhile', 'round', 'through'])
  })

  it('a mode is landed so that nobody else may write, nor read what they could not', () => {
    const modes = (was: number | undefined, now: number): number | undefined => {
      rmSync(base, { recursive: true })
      for (const name of ['lower', 'upper', 'merged']) mkdirSync(tree(name), { recursive: true })
      if (was !== undefined) given('f', 'x')
      if (was !== undefined) chmodSync(join(tree('lower'), 'f'), was)
      changed('f', 'x')
      for (const name of ['upper', 'merged']) chmodSync(join(tree(name), 'f'), now)
      const [change] = told()
      return change && 'mode' in change ? change.mode : undefined
    }
    assert.equal(modes(undefined, 0o777), 0o755)
    assert.equal(modes(undefined, 0o600), 0o600)
    assert.equal(modes(0o600, 0o666), undefined, 'no change at all')
    assert.equal(modes(0o600, 0o777), 0o700)
    assert.equal(modes(0o644, 0o755), 0o755)
    assert.equal(modes(0o664, 0o666), undefined)
    assert.equal(modes(0o644, 0o000), 0o400, 'the owner is not shut out')
  })

  it('S17: a file that claims more than the disk can hold is refused', () => {
    changed('holes', '')
    truncateSync(join(tree('merged'), 'holes'), 2 ** 40)
    assert.match(summary()[0] ?? '', /^! holes: it claims 1099511627776 bytes/)
  })

  it('says of what takes the place of a directory that it does', () => {
    given('d/inside', 'x')
    rmSync(join(tree('merged'), 'd'), { recursive: true })
    changed('d', 'x')
    assert.deepEqual(
      told().map((each) => 'kind' in each && [each.path, each.replacesDirectory]),
      [['d', true]],
    )
  })

  it('leadsOut counts steps', () => {
    assert.equal(leadsOut('/a', 'b'), false)
    assert.equal(leadsOut('/a', '../b'), true)
    assert.equal(leadsOut('/d/a', '../b'), false)
    assert.equal(leadsOut('/d/a', '../../b'), true)
    assert.equal(leadsOut('/d/a', 'x/../../../d'), true)
    assert.equal(leadsOut('/a', '/b'), true)
    // Where `here` is a link to `.`, this is two directories above the workspace.
    assert.equal(leadsOut('/a', 'here/here/../../b'), true)
    assert.equal(leadsOut('/d/a', '../x/../b'), true)
    assert.equal(leadsOut('/d/e/a', '../../b/./c'), false)
  })
})

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Change, RefusedChange } from '../../../workspace.ts'
import type { JudgedChange, Landed } from './change.ts'
import { land } from './land.ts'
import { walk } from './walk.ts'

describe('a directory that its cell removed', () => {
  let base = ''
  let sinceMs = 0
  const at = (path: string) => join(base, path)
  beforeEach(async () => {
    base = mkdtempSync(join(tmpdir(), 'firebreak-land-'))
    for (const path of ['merged', 'upper', 'lower/d/sub']) mkdirSync(at(path), { recursive: true })
    writeFileSync(at('lower/d/sub/old'), 'x')
    writeFileSync(Buffer.concat([Buffer.from(`${at('lower/d')}/`), NO_TEXT]), 'x')
    mkdirSync(at('lower/moved'))
    writeFileSync(at('lower/moved/old'), 'x')
    await delay(20)
    sinceMs = Date.now()
    await delay(20)
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  const trees = (landed?: ReadonlyMap<string, string>) => ({
    lower: at('lower'),
    upper: at('upper'),
    merged: at('merged'),
    sinceMs,
    ...(landed && { landed }),
  })
  const marked = (landed?: ReadonlyMap<string, string>) => {
    const found: (Change | RefusedChange)[] = []
    walk(trees(landed), (each) => found.push(each))
    return found.flatMap((each) =>
      'kind' in each && each.path === 'd' ? [[each.kind, each.changedBelow === true]] : [],
    )
  }
  const judgedAt = (path: string): readonly JudgedChange[] => {
    const found: (Change | RefusedChange)[] = []
    walk(trees(), (each) => found.push(each))
    return found.flatMap((each) => ('kind' in each && each.path === path ? [each] : []))
  }
  const landing = (path = 'd', landed?: ReadonlyMap<string, string>, judged = judgedAt(path)) => {
    const said: (Landed | RefusedChange)[] = []
    land(trees(landed), at('lower'), judged, (line) => said.push(line))
    return said[0]
  }
  const whyNot = (landed?: ReadonlyMap<string, string>) => {
    const said = landing('d', landed)
    return said && 'why' in said ? said.why : undefined
  }
  const there = () => readdirSync(at('lower/d'), { recursive: true, encoding: 'latin1' }).length

  it('goes with all that stood in it, names that are no text among it', () => {
    assert.deepEqual(marked(), [['removed', false]])
    assert.equal(whyNot(), undefined)
    assert.deepEqual(readdirSync(at('lower')), ['moved'])
  })

  it('S11: stays where something stands under its name again', () => {
    const judged = judgedAt('d')
    for (const tree of ['upper', 'merged']) writeFileSync(at(`${tree}/d`), 'x')
    const said = landing('d', undefined, judged)
    assert.match(said && 'why' in said ? said.why : '', /is not what was judged any more/)
    assert.deepEqual(readdirSync(at('lower')), ['d', 'moved'])
  })

  const owner: Readonly<Record<string, () => void>> = {
    'a file, deep': () => writeFileSync(at('lower/d/sub/thesis'), 'a week'),
    'a file that was there': () => writeFileSync(at('lower/d/sub/old'), 'more'),
    'one whose name is no text': () =>
      writeFileSync(Buffer.concat([Buffer.from(`${at('lower/d')}/`), NO_TEXT]), 'more'),
    'an older directory': () => renameSync(at('lower/moved'), at('lower/d/sub/moved')),
  }
  for (const [what, puts] of Object.entries(owner)) {
    it(`S16: stays whole where its owner has put or changed something in it since, and is told as changed: ${what}`, () => {
      puts()
      const before = there()
      assert.deepEqual(marked(), [['removed', true]])
      assert.match(whyNot() ?? '', /^"d.*changed there since the first cell was launched/)
      assert.equal(there(), before)
    })
  }

  it('S16: so it is with what takes its place', () => {
    writeFileSync(at('lower/d/sub/thesis'), 'a week')
    for (const tree of ['upper', 'merged']) writeFileSync(at(`${tree}/d`), 'x')
    assert.deepEqual(marked(), [['changed', true]])
    assert.match(whyNot() ?? '', /^"d\/sub\/thesis" was changed/)
    rmSync(at('lower/d/sub'), { recursive: true })
    assert.match(whyNot() ?? '', /^"d" was changed/)
  })

  it('what landed there, and nobody has touched since, is not its owner’s own', () => {
    mkdirSync(at('merged/d/new'), { recursive: true })
    mkdirSync(at('upper/d/new'), { recursive: true })
    for (const tree of ['upper', 'merged']) writeFileSync(at(`${tree}/d/new/file`), 'x')
    const landed = new Map<string, string>()
    for (const path of ['d/new', 'd/new/file']) {
      const said = landing(path, landed)
      assert.ok(said && 'landed' in said)
      for (const [each, changed] of said.stamps ?? []) landed.set(each, changed)
    }
    for (const tree of ['upper', 'merged']) rmSync(at(`${tree}/d`), { recursive: true })
    assert.deepEqual([marked(), marked(landed)], [[['removed', true]], [['removed', false]]])
    assert.match(whyNot() ?? '', /was changed/)
    assert.equal(whyNot(landed), undefined)
    assert.deepEqual(readdirSync(at('lower')), ['moved'])
  })
})

/** A name in Latin-1. */
const NO_TEXT = Buffer.from('caf\xe9', 'latin1')

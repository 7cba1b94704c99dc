/** S8: an order to stop goes to a state, whatever a person names; or to nobody, and the state is told. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { recordAbout } from '../../cells/linux/abilities/about.ts'
import { namedStateFault, withinState } from './named-state.ts'

const directory = mkdtempSync(join(tmpdir(), 'firebreak-named-'))
after(() => rmSync(directory, { recursive: true }))

function state(path: string): string {
  for (const part of ['ledger', 'witness', 'fence', 'workspaces/alpha'])
    mkdirSync(join(path, part), { recursive: true })
  return path
}

describe('S8: the state that a person names', () => {
  const [shop, bare] = [state(join(directory, 'project/.firebreak')), join(directory, 'tenants-only')]
  for (const each of [shop, bare]) state(join(each, 'tenants/acme'))
  const meant = (path: string) => namedStateFault(path)?.meant

  it('is a state, or may become one: also by a link, also where only tenants have run', () => {
    symlinkSync(shop, join(directory, 'link'))
    mkdirSync(join(directory, 'begun/fence'), { recursive: true })
    mkdirSync(join(directory, 'empty'))
    for (const path of [
      shop,
      bare,
      join(directory, 'link'),
      ...['begun', 'empty', 'absent'].map((name) => join(directory, name)),
    ])
      assert.equal(namedStateFault(path), undefined, path)
  })

  it('is none within a state: a tenant’s, in whatever spelling, a part, and what leads there by a link', () => {
    symlinkSync(join(shop, 'tenants/acme'), join(directory, 'to-acme'))
    for (const path of ['tenants/acme', 'tenants/Acme', 'tenants', 'workspaces', 'tenants/acme/ledger', 'none/at/all'])
      assert.deepEqual(meant(join(shop, path)), [shop], path)
    assert.deepEqual(meant(join(directory, 'to-acme')), [shop])
    assert.deepEqual(meant(join(bare, 'tenants/acme')), [bare])
    assert.deepEqual(withinState(join(shop, 'tenants/acme'))?.meant, [shop], 'nor does a run start there')
  })

  it('is none where something else lies: a project, a file, a ledger of somebody’s own, a cell’s directory', () => {
    const cell = join(directory, 'cell')
    mkdirSync(cell)
    recordAbout(cell, { part: 'agent', state: join(shop, 'tenants/acme'), environment: 'test' })
    mkdirSync(join(directory, 'accounts/ledger'), { recursive: true })
    for (const path of ['accounts/books', 'file']) writeFileSync(join(directory, path), '')
    assert.deepEqual(meant(cell), [shop])
    assert.deepEqual(meant(join(directory, 'project')), [shop])
    assert.deepEqual(meant(join(directory, 'accounts')), [])
    assert.deepEqual(meant(join(directory, 'file')), [])
  })

  it('stays one though something above it looks like one', () => {
    const odd = state(join(directory, 'odd'))
    assert.equal(namedStateFault(state(join(odd, 'project/.firebreak'))), undefined)
  })
})

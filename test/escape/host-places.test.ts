import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { liesAt, mountsNow, placeOf } from '../../src/model/host/host-places.ts'

describe('S10: a place by whatever name', () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-places-'))
  after(() => rmSync(base, { recursive: true, force: true }))
  for (const path of ['p/.firebreak/ledger', 'alias', 'part', 'around/inner', 'other/p', 'covered/below'])
    mkdirSync(join(base, path), { recursive: true })
  symlinkSync('p', join(base, 'link'))

  it('lies where its path leads, and where it will be made', () => {
    const mounts = mountsNow()
    const of = (path: string) => placeOf(join(base, path), mounts)
    assert.ok(liesAt(of('link/new/file'), of('p')) && liesAt(of('p'), of('')) && liesAt(of('p'), placeOf('/', mounts)))
    assert.ok(!liesAt(of('p'), of('other')) && !liesAt(of('other/p'), of('p')) && !liesAt(of('p'), of('p/.firebreak')))
    assert.ok(!liesAt(of('pp'), of('p')))
    assert.match(of('p').onDevice ?? '', /^\d+:\d+:\/.*\/p$/)
  })

  it('is the same behind a mount: what shows a protected place, or a part of it, is refused', () => {
    const script = `
      import { checkSpec } from ${JSON.stringify(join(import.meta.dirname, '../../src/cells/linux/abilities/check.ts'))}
      import { checkWorkspace } from ${JSON.stringify(join(import.meta.dirname, '../../src/cells/linux/workspace/overlay.ts'))}
      import { sharedWorkspaces } from ${JSON.stringify(join(import.meta.dirname, '../../src/config/tenants.ts'))}
      import { landedFor, markLanded } from ${JSON.stringify(join(import.meta.dirname, '../../src/host/files/landed-marks.ts'))}
      const base = ${JSON.stringify(base)}
      const protectedPaths = [base + '/p/firebreak.yaml', base + '/p/.firebreak']
      const limits = { memoryBytes: 2 ** 26, cpu: 1, pids: 9 }
      const said = {}
      for (const name of ['alias', 'part', 'around', 'other', 'covered/below']) {
        const spec = { command: ['true'], stdio: { kind: 'pipes' }, variables: {}, limits, ports: [], protectedPaths,
          root: { kind: 'host-usr' }, files: [{ from: base + '/' + name, to: '/x' }] }
        const all = [checkSpec(spec), checkWorkspace({ lower: base + '/' + name, changes: base + '/none', at: '/w' }, protectedPaths)]
        said[name] = all.map((each) => each.ok ? '' : (each.reason.problem ?? '').split(' ')[0]).join()
      }
      markLanded(base, { path: base + '/p', workspace: 'a', untilMs: 1 })
      const config = { agents: new Map(), upstreams: new Map() }
      for (const name of ['alias', 'part', 'other']) {
        const agent = { name: 'b', environment: 'test', cell: { workspace: base + '/' + name, files: new Map(), labels: [] } }
        said['landed ' + name] = landedFor(base, config, agent).value.length
      }
      const environments = new Map(['one', 'two'].map((name) => [name, { tenant: name }]))
      const agent = (environment, path) => [environment, { name: environment, environment, cell: { workspace: base + '/' + path } }]
      for (const name of ['alias', 'part', 'around', 'other'])
        said['tenants ' + name] = sharedWorkspaces({ environments, agents: new Map([agent('one', 'p'), agent('two', name)]), upstreams: new Map() }).length
      process.stdout.write(JSON.stringify(said))`
    const inside = `cd '${base}' && mkdir other/below && ${[
      ['p', 'alias'],
      ['p/.firebreak/ledger', 'part'],
      ['p', 'around/inner'],
      ['p', 'covered/below'],
      // Covers the one before.
      ['other', 'covered'],
    ]
      .map(([from, to]) => `mount --bind ${from} ${to}`)
      .join(' && ')} && exec "$@"`
    const user = process.getuid?.() === 0 ? '-m' : '-Urm'
    const run = ['-c', inside, 'sh', process.execPath, '--input-type=module', '-e', script]
    const { stdout, stderr } = spawnSync('unshare', [user, 'sh', ...run], { encoding: 'utf8' })
    assert.ok(stdout !== '', stderr)
    assert.deepEqual(JSON.parse(stdout), {
      alias: 'contains,contains',
      part: 'lies,lies',
      // An overlay shows nothing that is mounted below it.
      around: 'contains,',
      other: ',',
      'covered/below': ',',
      'landed alias': 1,
      'landed part': 1,
      'landed other': 0,
      'tenants alias': 1,
      'tenants part': 1,
      // What one lands goes through a mount, too.
      'tenants around': 1,
      'tenants other': 0,
    })
  })
})

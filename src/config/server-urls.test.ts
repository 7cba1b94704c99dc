import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { OriginServer } from './config.ts'
import { urlsOf } from './server-urls.ts'

it('every URL of a server’s entry is among its URLs, its own first, in whatever member it stands', () => {
  const server = {
    kind: 'origin',
    url: new URL('https://lists.example'),
    headers: new Map(),
    packages: { registry: 'npm', files: new URL('https://files.example') },
    tomorrow: { places: [new URL('https://one.example')], byName: new Map([['x', new URL('https://two.example')]]) },
  } as unknown as OriginServer // with members that no type has yet
  const hosts = urlsOf(server).map(({ host }) => host)
  assert.deepEqual(hosts, ['lists.example', 'files.example', 'one.example', 'two.example'])
  const program = { kind: 'stdio', command: ['node'], cell: { files: new Map(), env: new Map() }, shared: false }
  assert.deepEqual(urlsOf(program as unknown as OriginServer), [])
})

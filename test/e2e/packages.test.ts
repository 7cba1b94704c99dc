/**
 * Package managers of a real cell, at the names of their registries: curl, and npm where this host has it. The registry is a
 * server on loopback with three packages.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

const DAY_MS = 86_400_000

/** A version of a package, as the registry has it. */
interface Version {
  readonly version: string
  readonly days: number
  readonly scripts?: Readonly<Record<string, string>>
}

const PACKAGES: Readonly<Record<string, readonly Version[]>> = {
  'plain-thing': [
    { version: '1.0.0', days: 400 },
    { version: '1.1.0', days: 30 },
    { version: '1.2.0', days: 1 },
  ],
  'runs-things': [{ version: '2.0.0', days: 90, scripts: { postinstall: 'touch /workspace/owned' } }],
  raect: [{ version: '1.0.0', days: 300 }],
  'moved-thing': [{ version: '1.0.0', days: 300 }],
}

/** A registry of npm on loopback: lists with all their times, and files; one of them is another, under another status. */
async function registry(directory: string) {
  const asked: string[] = []
  const digests = new Map<string, string>()
  const files = new Map<string, Buffer>()
  const lists = new Map<string, string>()
  const server = createServer((request, response) => {
    const url = request.url ?? ''
    asked.push(`${request.method} ${url}`)
    const list = lists.get(url)
    if (list !== undefined) return void response.setHeader('content-type', 'application/json').end(list)
    if (url === MOVED) return void response.writeHead(300, { location: OTHER }).end(files.get(OTHER))
    const file = files.get(url)
    if (file !== undefined) return void response.setHeader('content-type', 'application/octet-stream').end(file)
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  const text = `http://127.0.0.1:${port}`
  for (const [name, versions] of Object.entries(PACKAGES)) {
    const entries = versions.map(({ version, scripts }) => {
      const place = join(directory, `${name}-${version}`)
      mkdirSync(join(place, 'package'), { recursive: true })
      const manifest = { name, version, ...(scripts && { scripts }) }
      writeFileSync(join(place, 'package', 'package.json'), JSON.stringify(manifest))
      execFileSync('tar', ['-czf', 'file.tgz', 'package'], { cwd: place })
      const bytes = readFileSync(join(place, 'file.tgz'))
      const path = `/${name}/-/${name}-${version}.tgz`
      files.set(path, bytes)
      const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
      digests.set(name, integrity)
      return [version, { ...manifest, dist: { tarball: `${text}${path}`, integrity } }] as const
    })
    const time = versions.map(({ version, days }) => [version, new Date(Date.now() - days * DAY_MS).toISOString()])
    lists.set(
      `/${name}`,
      JSON.stringify({
        name,
        'dist-tags': { latest: versions.at(-1)?.version },
        versions: Object.fromEntries(entries),
        time: Object.fromEntries(time),
      }),
    )
  }
  return { text, asked, digests }
}

const MOVED = '/moved-thing/-/moved-thing-1.0.0.tgz'
const OTHER = '/plain-thing/-/plain-thing-1.1.0.tgz'

const NPM = ['/usr/bin/npm', '/usr/local/bin/npm'].find((path) => existsSync(path))

describe('a package manager of a cell', { skip: SKIP }, () => {
  let said: Readonly<Record<string, string>> = {}
  let entries: readonly Entry[] = []
  let mirror: Awaited<ReturnType<typeof registry>>

  before(async () => {
    const directory = temporaryDirectory()
    mirror = await registry(directory)
    const curl = "curl -sS -m 20 -w ' [%{http_code}]' --http1.1"
    const at = 'https://registry.npmjs.org'
    const npm = 'npm --no-audit --no-fund --no-update-notifier --cache /tmp/npm'
    const attempts: Readonly<Record<string, string>> = {
      list: `${curl} ${at}/plain-thing`,
      'old file': `${curl} -o /dev/null ${at}/plain-thing/-/plain-thing-1.1.0.tgz`,
      'new file': `${curl} -D - ${at}/plain-thing/-/plain-thing-1.2.0.tgz`,
      'other file': `${curl} ${at}/plain-thing/-/plain-thing-9.9.9.tgz`,
      scripts: `${curl} ${at}/runs-things/-/runs-things-2.0.0.tgz`,
      'look-alike': `${curl} ${at}/raect`,
      publish: `${curl} -X PUT -H 'content-type: application/json' -d '{"data":"secret"}' ${at}/plain-thing`,
      search: `${curl} '${at}/-/v1/search?text=secret'`,
      audit: `${curl} -X POST -d '{}' ${at}/-/npm/v1/security/advisories/bulk`,
      moved: `${curl} -L -D - ${at}${MOVED}`,
      missing: `${curl} ${at}/no-such-package-here`,
      ...(NPM !== undefined && {
        'npm range': `cd /tmp && mkdir -p a && cd a && ${npm} i plain-thing && node -p "require('plain-thing/package.json').version"`,
        'npm exact': `cd /tmp && mkdir -p b && cd b && ${npm} i plain-thing@1.2.0`,
        'npm moved': `cd /tmp && mkdir -p d && cd d && ${npm} i moved-thing; ls node_modules`,
        'npm scripts': `cd /tmp && mkdir -p c && cd c && ${npm} i runs-things; ls /workspace/owned`,
      }),
    }
    const script = scriptOf(attempts)
    const state = join(directory, 'state')
    const file = writeConfig(directory, {
      upstreams: {
        npm: {
          packages: {
            ...{ registry: 'npm', url: mirror.text },
            pins: { 'moved-thing@1.0.0': [mirror.digests.get('moved-thing')] },
          },
        },
      },
      agents: {
        alpha: { grants: [{ upstream: 'npm', tools: ['list', 'file'], expires: '1d' }], cell: { wall: '5min' } },
      },
    })
    const ran = await firebreak(['run', '--config', file, '--state', state, '--', 'bash', '-c', script])
    assert.equal(ran.code, 0, ran.stderr)
    said = saidIn(ran.stdout)
    entries = await ledgerOf(state)
  })

  it('S4: a list is an action, and shows what is refused in it, and why', () => {
    const [, json = '', status] = /^(\{.*\}) \[(\d+)\]$/s.exec(said.list ?? '') ?? []
    assert.equal(status, '200', said.list)
    const list = JSON.parse(json) as {
      readonly 'dist-tags': { readonly latest: string }
      readonly versions: Readonly<Record<string, { readonly deprecated?: string }>>
    }
    assert.equal(list['dist-tags'].latest, '1.1.0')
    assert.match(list.versions['1.2.0']?.deprecated ?? '', /younger than 7 days/)
    assert.equal(list.versions['1.1.0']?.deprecated, undefined)
    const intent = entries.find((entry) => entry.kind === 'action.intent')
    assert.ok(intent?.kind === 'action.intent')
    assert.deepEqual(
      [intent.operation, intent.tool, intent.protocol, intent.args],
      ['package', 'list', 'package', { name: 'plain-thing' }],
    )
  })

  it('a file comes where its version may be had, and else a reason in the line of its status', () => {
    assert.equal(said['old file'], '[200]')
    assert.match(said['new file'] ?? '', /^HTTP\/1\.1 403 refused by Firebreak: plain-thing 1\.2\.0: it is younger/)
    assert.match(said['other file'] ?? '', /has no such file.*\[502\]$/s)
    assert.match(said.scripts ?? '', /it runs programs when it is installed \(postinstall\).*\[403\]$/s)
    for (const path of ['plain-thing-1.2.0', 'plain-thing-9.9.9', 'runs-things-2.0.0'])
      assert.ok(!mirror.asked.some((line) => line.includes(path)), path)
  })

  it('PK3: a pinned file is not what another status brings, or leads to', () => {
    assert.match(said.moved ?? '', /^HTTP\/1\.1 403 .*HTTP 300, and a pinned file comes with 200.*\[403\]$/s)
    assert.doesNotMatch(said.moved ?? '', /location:|package\.json/i)
    if (NPM === undefined) return
    assert.match(said['npm moved'] ?? '', /403 refused by Firebreak: the registry answered with HTTP 300/)
    assert.doesNotMatch(said['npm moved'] ?? '', /added 1 package|moved-thing$/)
  })

  it('a look-alike, a publication, a search, an audit: nobody outside hears of them', () => {
    assert.match(said['look-alike'] ?? '', /raect looks like react.*\[403\]$/s)
    for (const name of ['publish', 'search', 'audit']) assert.match(said[name] ?? '', /\[403\]$/, name)
    assert.ok(
      mirror.asked.every((line) => !/raect|search|security|PUT|POST/.test(line)),
      mirror.asked.join('\n'),
    )
    assert.match(said.missing ?? '', /Not found.*\[404\]$/s)
  })

  it('npm takes what may be had, and tells why it may not have the rest', {
    skip: NPM === undefined && 'no npm',
  }, () => {
    assert.match(said['npm range'] ?? '', /1\.1\.0$/)
    assert.match(said['npm exact'] ?? '', /403 refused by Firebreak: plain-thing 1\.2\.0: it is younger than 7 days/)
    assert.match(said['npm scripts'] ?? '', /refused by Firebreak: runs-things 2\.0\.0: it runs programs/)
    assert.match(said['npm scripts'] ?? '', /cannot access '\/workspace\/owned'|No such file/)
  })
})

/** A run that is observed, and the configuration that is proposed of its ledger, as a person at a terminal writes it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, SKIP } from '../kit/command-line.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { exitOf, onTerminal, terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'

describe('firebreak run --observe', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const file = join(directory, 'firebreak.yaml')
  const asked: string[] = []
  let script = ''

  before(async () => {
    const server = createServer(({ method, url }, response) => {
      asked.push(`${method} ${url}`)
      response.end('here')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    cleanUp(() => void server.close())
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
    const curl = "curl -sS -m 20 -w ' [%{http_code}]'"
    script = scriptOf({
      read: `${curl} ${origin}/items/1`,
      write: `${curl} -H 'content-type: application/json' -d '{}' ${origin}/items`,
      elsewhere: `${curl} 'https://api.example.org/v1/things?key=carried-out'`,
    })
    writeFileSync(
      file,
      `environments:
  test: { observe: true }
  live: {}
upstreams:
  shop:
    environment: test
    http: { origin: "${origin}" }
    tools:
      "GET /items/{id}": { effect: read }
      "POST /items": { effect: write }
agents:
  alpha: { owner: ana@shop.example, environment: test, cell: { labels: [] } }   # it has no grants yet
  omega: { owner: ana@shop.example, environment: live }
`,
    )
  })

  it('OB1, OB2: what is declared and only reads is let through under a grant of its own; what is not is refused', async () => {
    const elsewhere = await firebreak(['run', '--observe', '--agent', 'omega', '--config', file, '--', 'true'])
    assert.equal(elsewhere.code, 2)
    assert.match(elsewhere.stderr, /environment "live" does not say that its agents may be observed/)
    const ran = await firebreak(['run', '--observe', '--agent', 'alpha', '--config', file, '--', 'bash', '-c', script])
    assert.equal(ran.code, 0, ran.stderr)
    const said = saidIn(ran.stdout)
    assert.equal(said.read, 'here [200]')
    assert.match(said.write ?? '', /it may not do this.*\[403\]/s)
    assert.match(said.elsewhere ?? '', /api\.example\.org is no place.*\[403\]/s)
    assert.deepEqual(asked, ['GET /items/1'])
    const { stdout } = await firebreak(['logs', '--json', '--config', file])
    assert.match(stdout, /"g_alpha-shop-observed"/)
  })

  it('init --from-log proposes what was used, tells what was refused, and writes when a person says so', async () => {
    const text = readFileSync(file, 'utf8')
    const ask = ['init', '--from-log', '--agent', 'alpha', '--config', file]
    const shown = await firebreak(ask)
    assert.equal(shown.code, 4, shown.stderr)
    for (const told of [
      /^# {3}shop: POST \/items \(write\), once$/m,
      /^# {3}api\.example\.org: GET \/v1\/things, once$/m,
      /^\+.*grants: \[\{ upstream: shop, tools: \["?GET \/items\/\{id\}"?\], budget: \{ calls: 1\/day \}/m,
      /shop\/GET \/items\/\{id\} becomes possible/,
      /^Nothing was written\.$/m,
    ])
      assert.match(shown.stdout, told)
    assert.doesNotMatch(shown.stdout, /carried-out/)
    assert.equal(readFileSync(file, 'utf8'), text, 'nobody has said so')
    const person = terminal()
    const writing = onTerminal(person, ask)
    await until('it asks', () => person.shown().includes('[y/N]'))
    person.type('y\n')
    assert.equal(await exitOf(writing), 0)
    const written = readFileSync(file, 'utf8')
    assert.match(written, /# it has no grants yet/)
    const ran = await firebreak(['run', '--agent', 'alpha', '--config', file, '--', 'bash', '-c', script])
    const said = saidIn(ran.stdout)
    assert.equal(said.read, 'here [200]')
    assert.match(said.write ?? '', /\[403\]/)
  })
})

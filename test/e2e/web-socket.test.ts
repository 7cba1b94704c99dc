/** A program of a real cell that speaks WebSocket with a declared origin: Node's own client, which knows nothing of a gate. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { WebSocketServer } from 'ws'
import type { Entry } from '../../src/model/entry.ts'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { makeCertificate } from '../kit/make-certificate.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

const AUTHORITY = makeCertificate({ name: 'authority', isAuthority: true })

/** An origin that answers each message with it, and some with more. */
async function origin() {
  const { pem, key } = makeCertificate({ name: 'origin', by: AUTHORITY, names: ['IP:127.0.0.1'] })
  const heard: string[] = []
  const server = createServer({ cert: pem, key })
  const sockets = new WebSocketServer({ server, handleProtocols: (offered) => [...offered][0] ?? false })
  sockets.on('connection', (socket, request) => {
    heard.push(`open ${request.url} ${request.headers.authorization ?? ''}`)
    socket.on('message', (data, isBinary) => {
      heard.push(`${isBinary ? 'bytes' : 'text'} ${data}`)
      if (String(data) === 'leak') return socket.send(`it is ${request.headers.authorization}`)
      if (String(data) === 'bye') return socket.close(4001, 'a reason of its own')
      socket.send(data, { binary: isBinary })
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { text: `https://127.0.0.1:${port}`, at: `wss://127.0.0.1:${port}`, heard }
}

const AGENT = `
const [, , at] = process.argv
const tried = (path, protocols, messages) => new Promise((resolve) => {
  const said = []
  const socket = new WebSocket(at + path, protocols)
  socket.binaryType = 'arraybuffer'
  let next = 0
  const send = () => { if (next < messages.length) socket.send(messages[next++]); else socket.close(1000) }
  socket.onopen = () => { said.push('open ' + socket.protocol); send() }
  socket.onmessage = ({ data }) => { said.push(typeof data === 'string' ? data.slice(0, 40) : 'bytes ' + data.byteLength); send() }
  socket.onclose = ({ code, reason }) => { said.push('closed ' + code + ' ' + reason); resolve(said) }
  socket.onerror = () => said.push('error')
})
const long = 'x'.repeat(200_000)
const all = {
  plain: await tried('/feed/prices?since=1', ['v2'], ['hello', new Uint8Array(70_000), long]),
  undeclared: await tried('/admin', [], ['hello']),
  leak: await tried('/feed/leak', [], ['leak']),
  code: await tried('/feed/code', [], ['bye']),
  many: await tried('/bounded/x', [], [long, long, long, 'never']),
}
console.log(JSON.stringify(all))
`

describe('a WebSocket of a cell', { skip: SKIP }, () => {
  let said: Readonly<Record<string, readonly string[]>> = {}
  let entries: readonly Entry[] = []
  let api: Awaited<ReturnType<typeof origin>>

  before(async () => {
    api = await origin()
    const directory = temporaryDirectory()
    const state = join(directory, 'state')
    const [ca, script] = [join(directory, 'ca.pem'), join(directory, 'agent.mjs')]
    writeFileSync(ca, AUTHORITY.pem)
    writeFileSync(script, AGENT)
    const file = writeConfig(directory, {
      secrets: { token: { env: 'API_TOKEN' } },
      upstreams: {
        api: {
          http: { origin: api.text, ca, headers: { authorization: 'Bearer ${secret:token}' } },
          tools: {
            'WEBSOCKET /feed/{topic}?since': 'write',
            'WEBSOCKET /bounded/{topic}': {
              effect: 'write',
              accepts: ['untrusted'],
              content: ['$'],
              maxBytes: '900KiB',
            },
          },
        },
      },
      agents: { alpha: { cell: { files: { '/opt/node': process.execPath, '/opt/agent.mjs': script } } } },
    })
    const ran = await firebreak(
      ['run', '--config', file, '--state', state, '--', '/opt/node', '/opt/agent.mjs', api.at],
      { API_TOKEN: 'tok_5f4e3d2c1b0a9988' },
    )
    assert.equal(ran.code, 0, ran.stderr)
    said = JSON.parse(ran.stdout)
    entries = await ledgerOf(state)
  })

  it('S4: passes message by message, and is one action', () => {
    assert.deepEqual(said.plain, ['open v2', 'hello', 'bytes 70000', 'x'.repeat(40), 'closed 1000 '])
    assert.equal(api.heard[0], 'open /feed/prices?since=1 Bearer tok_5f4e3d2c1b0a9988')
    const intent = entries.find((entry) => entry.kind === 'action.intent')
    assert.ok(intent?.kind === 'action.intent')
    assert.deepEqual(
      [intent.tool, intent.effect, intent.args],
      ['WEBSOCKET /feed/{topic}?since', 'write', { topic: 'prices', query: { since: '1' }, protocols: ['v2'] }],
    )
    const outcome = entries.find((entry) => entry.kind === 'action.outcome' && entry.action === intent.action)
    assert.ok(outcome?.kind === 'action.outcome')
    assert.deepEqual([outcome.outcome, outcome.passed], ['done', { sent: 270_005, received: 270_005 }])
  })

  it('S2: is refused where no pattern has it', () => {
    assert.deepEqual(said.undeclared, ['error', 'closed 1006 '])
    assert.ok(!api.heard.some((each) => each.includes('/admin')))
    assert.ok(entries.some((entry) => entry.kind === 'action.refused' && entry.tool === 'WEBSOCKET /admin'))
  })

  it('S10: a message that holds a secret is not shown, and both sides end', () => {
    assert.deepEqual(said.leak, ['open ', 'closed 1008 refused by Firebreak'])
    assert.ok(entries.some((entry) => entry.kind === 'action.outcome' && entry.leaked?.includes('token')))
  })

  it('what a close says beside its code stays with the gate', () => {
    assert.deepEqual(said.code, ['open ', 'closed 4001 '])
  })

  it('S7: no more passes than may', () => {
    assert.deepEqual(said.many?.slice(0, 3), ['open ', 'x'.repeat(40), 'x'.repeat(40)])
    assert.match(said.many?.at(-1) ?? '', /closed 1008/)
    assert.ok(!api.heard.includes('text never'))
  })
})

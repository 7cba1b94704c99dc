import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { connect } from 'node:tls'
import fc from 'fast-check'
import { readClientHello } from './client-hello.ts'

/** Returns the first bytes that Node's TLS sends. */
function helloOf(options: object): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes)
        socket.destroy()
        server.close()
      })
    }).listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') return reject(new Error('no port'))
      connect({ port: address.port, host: '127.0.0.1', ...options }).on('error', () => undefined)
    })
  })
}

/** Cuts a message of one record into records of these lengths. */
function cut(hello: Buffer, ...lengths: readonly number[]): Buffer {
  const message = hello.subarray(5)
  const parts: Buffer[] = []
  let at = 0
  for (const length of [...lengths, message.length]) {
    const part = message.subarray(at, at + length)
    at += part.length
    if (part.length === 0) continue
    const head = Buffer.from([22, 3, 1, 0, 0])
    head.writeUInt16BE(part.length, 3)
    parts.push(head, part)
  }
  return Buffer.concat(parts)
}

const hello = await helloOf({ servername: 'API.Example', ALPNProtocols: ['h2', 'http/1.1'] })
const unnamed = await helloOf({})

describe('the first message of TLS', () => {
  it('names its server and what is spoken inside', () => {
    assert.deepEqual(readClientHello(hello), {
      ok: true,
      value: { serverName: 'api.example', protocols: ['h2', 'http/1.1'], isSplit: false },
    })
    assert.deepEqual(readClientHello(unnamed), { ok: true, value: { protocols: [], isSplit: false } })
  })

  it('is awaited until it is whole, wherever it is cut, and told apart where its records are', () => {
    for (let end = 0; end < hello.length; end++)
      assert.deepEqual(readClientHello(hello.subarray(0, end)), { ok: false, reason: { kind: 'more' } }, `${end}`)
    for (const lengths of [[1], [3], [4], [hello.length - 6], [100, 100], [1, 1, 1, 1, 1]])
      assert.deepEqual(readClientHello(cut(hello, ...lengths)), {
        ok: true,
        value: { serverName: 'api.example', protocols: ['h2', 'http/1.1'], isSplit: true },
      })
    assert.match(problemOf(cut(hello, ...Array.from({ length: 20 }, () => 1))), /too many records/)
  })

  it('is refused where it can be read in two ways', () => {
    const name = hello.indexOf('API.Example', 0, 'latin1')
    const renamed = (text: string) =>
      Buffer.concat([hello.subarray(0, name), Buffer.from(text, 'latin1'), hello.subarray(name + 11)])
    for (const text of ['api.exampl\0', 'api.exampl.', 'api/example', 'a.1.2.3.4.5', 'api..exampl', '-pi.example'])
      assert.match(problemOf(renamed(text)), /the name of its server is none/, text)
    assert.match(problemOf(Buffer.from('GET / HTTP/1.1\r\n')), /does not begin as TLS/)
    assert.match(problemOf(Buffer.from([22, 3, 1, 0, 0])), /no length/)
    assert.match(problemOf(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])), /as a client does/)
    assert.match(problemOf(Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 0, 9])), /another message/)
    const twice = withExtension(hello, Buffer.from([0, 0, 0, 0]))
    assert.match(problemOf(twice), /one thing twice/)
  })

  it('never throws, and never reads a name that did not come, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(hello.length), fc.nat(255), (noise, at, byte) => {
        readClientHello(noise)
        readClientHello(Buffer.concat([hello.subarray(0, at), noise]))
        const changed = Buffer.from(hello)
        changed[at % changed.length] = byte
        const read = readClientHello(changed)
        if (read.ok && read.value.serverName !== undefined)
          assert.ok(changed.toString('latin1').toLowerCase().includes(read.value.serverName))
      }),
      { numRuns: 2_000 },
    )
  })
})

function problemOf(bytes: Uint8Array): string {
  const read = readClientHello(bytes)
  return read.ok || read.reason.kind === 'more' ? JSON.stringify(read) : read.reason.problem
}

/** Adds an extension at the end of a message of one record. */
function withExtension(bytes: Buffer, extension: Buffer): Buffer {
  const longer = Buffer.concat([bytes, extension])
  const add = (at: number, width: number) =>
    longer.writeUIntBE(longer.readUIntBE(at, width) + extension.length, at, width)
  add(3, 2)
  add(6, 3)
  const session = 5 + 4 + 34
  const ciphers = session + 1 + (longer[session] ?? 0)
  const compressions = ciphers + 2 + longer.readUInt16BE(ciphers)
  add(compressions + 1 + (longer[compressions] ?? 0), 2)
  return longer
}

/** The origins that the clients ask: one over HTTPS that has a little of everything, and one that speaks for three providers. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Effect } from '../../src/model/index.ts'
import type { MadeCertificate } from '../kit/make-certificate.ts'
import { ADDRESS, HOST } from './clients.ts'

/** Requests of the origin that are granted. */
export const GRANTED: Readonly<Record<string, Effect>> = {
  ...{ 'GET /ok': 'read', 'GET /repo.git/info/refs?service': 'read', 'GET /npm/thing': 'read' },
  ...{ 'GET /simple/thing/': 'read', 'GET /files/{name}': 'read', 'HEAD /files/{name}': 'read' },
  ...{
    'GET /index/config.json': 'read',
    'GET /index/th/in/{name}': 'read',
    'GET /crates/{name}/{version}/download': 'read',
  },
}

const LINE = '0123456789abcdef0123456789abcdef01234567'

/** Returns a line of git’s protocol with its length. */
function packet(text: string): string {
  return (text.length + 4).toString(16).padStart(4, '0') + text
}

const REFS = `${packet('# service=git-upload-pack\n')}0000${packet(`${LINE} HEAD\0agent=a\n`)}${packet(`${LINE} refs/heads/main\n`)}0000`

/** Starts the origin at port 443 of an address of this host’s own; `wheel` and `crate` are files that it has. */
export async function startOrigin(
  { pem, key }: MadeCertificate,
  { wheel, crate }: { readonly wheel: Buffer; readonly crate: Buffer },
): Promise<() => void> {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  const answers: Readonly<Record<string, readonly [type: string, body: string | Buffer]>> = {
    '/ok': ['text/plain', 'granted answer\n'],
    '/repo.git/info/refs?service=git-upload-pack': ['application/x-git-upload-pack-advertisement', REFS],
    '/npm/thing': [
      'application/json',
      JSON.stringify({
        name: 'thing',
        'dist-tags': { latest: '1.0.0' },
        versions: { '1.0.0': { name: 'thing', version: '1.0.0', dist: {} } },
      }),
    ],
    '/simple/thing/': [
      'text/html',
      `<a href="https://${HOST}/files/thing-1.0-py3-none-any.whl#sha256=${sha256(wheel)}">thing-1.0-py3-none-any.whl</a>`,
    ],
    '/files/thing-1.0-py3-none-any.whl': ['application/octet-stream', wheel],
    '/index/config.json': [
      'application/json',
      JSON.stringify({ dl: `https://${HOST}/crates/{crate}/{version}/download` }),
    ],
    '/index/th/in/thing': [
      'text/plain',
      `${JSON.stringify({ name: 'thing', vers: '1.0.0', deps: [], cksum: sha256(crate), features: {}, yanked: false })}\n`,
    ],
    '/crates/thing/1.0.0/download': ['application/octet-stream', crate],
  }
  const server = createServer({ cert: pem, key }, ({ url = '', method }, response) => {
    const [type, body] = answers[url] ?? ['text/plain', 'not here']
    response.writeHead(url in answers ? 200 : 404, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
    response.end(method === 'HEAD' ? '' : body)
  })
  await once(server.listen(443, ADDRESS), 'listening')
  return () => void server.close()
}

const TEXT = 'granted answer'

/** Answers as the three providers do, without a stream. */
function speak(url: string): object {
  if (url.includes('generateContent'))
    return {
      candidates: [{ content: { role: 'model', parts: [{ text: TEXT }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    }
  if (url.includes('responses'))
    return {
      id: 'r',
      object: 'response',
      status: 'completed',
      model: 'gpt-5-mini',
      output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: TEXT, annotations: [] }] }],
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    }
  return {
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'claude-haiku-4-5',
    content: [{ type: 'text', text: TEXT }],
    stop_reason: 'end_turn',
    usage: { input_tokens: 1, output_tokens: 1 },
  }
}

/** Starts what stands behind the providers’ names, and returns its URL. */
export async function startProviders(): Promise<{ readonly url: string; readonly close: () => void }> {
  const server = createPlain((request: IncomingMessage, response: ServerResponse) => {
    request.resume().once('end', () => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(speak(request.url ?? '')))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() }
}

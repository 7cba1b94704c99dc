/**
 * A payments service over a SQLite book, that loses answers: node book-server.ts --book <file> --seed <n>
 *
 * Of what it is asked, it carries most out and says so. Some it carries out and then breaks off or answers with an error;
 * some it drops before it has done anything.
 */
import { createServer } from 'node:http'
import process from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { book: { type: 'string', default: ':memory:' }, seed: { type: 'string' } } })
const book = new DatabaseSync(values.book)
book.exec(`
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS refunds (id INTEGER PRIMARY KEY, request TEXT NOT NULL, state TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS cancels (id INTEGER NOT NULL) STRICT;
`)
const pay = book.prepare(`INSERT INTO refunds (request, state) VALUES (?, 'paid')`)
const standing = book.prepare(`SELECT count(*) AS n FROM refunds WHERE request = ? AND state = 'paid'`)
const byId = book.prepare('SELECT id FROM refunds WHERE id = ?')
const byRequest = book.prepare('SELECT id FROM refunds WHERE request = ?')
const cancel = book.prepare(`UPDATE refunds SET state = 'cancelled' WHERE id = ?`)
const booked = book.prepare('INSERT INTO cancels VALUES (?)')

const text = { type: 'string' }
const schema = (properties: object) => ({ type: 'object', properties, additionalProperties: false })
const TOOLS = [
  { name: 'refunds.create', inputSchema: schema({ request: text, amount: { type: 'number' } }) },
  { name: 'refunds.express', inputSchema: schema({ request: text, amount: { type: 'number' } }) },
  { name: 'refunds.cancel', inputSchema: schema({ id: { type: 'number' }, request: text }) },
  { name: 'refunds.find', inputSchema: schema({ request: text }) },
]

/** xorshift32: the same faults for the same seed. */
let state = Number(values.seed ?? 1) || 1
function drawn(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 2 ** 32
}

interface Asked {
  readonly id?: number
  readonly method: string
  readonly params?: { readonly name?: string; readonly arguments?: Readonly<Record<string, string | number>> }
}

const server = createServer((request, response) => {
  let body = ''
  request.on('data', (chunk: Buffer) => {
    body += chunk
  })
  request.on('end', () => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const asked = JSON.parse(body) as Asked // the gateway's own request
    const say = (result: object) => {
      const whole = { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...result }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: whole }))
    }
    if (asked.method === 'server/discover')
      return say({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } })
    if (asked.method === 'tools/list') return say({ tools: TOOLS })
    if (asked.method !== 'tools/call') return void response.writeHead(202).end()
    const fault = asked.params?.name === 'refunds.find' ? 1 : drawn()
    if (fault < 0.01) return void response.destroy()
    const said = act(asked.params?.name ?? '', asked.params?.arguments ?? {})
    if (fault < 0.04) return void response.destroy()
    const failed = fault < 0.05 || 'problem' in said
    say({
      content: [{ type: 'text', text: JSON.stringify(said) }],
      ...(failed ? { isError: true } : { structuredContent: said }),
    })
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

function act(name: string, args: Readonly<Record<string, string | number>>): object {
  const request = String(args.request)
  if (name === 'refunds.find') return { stands: Number(standing.get(request)?.n ?? 0) > 0 }
  if (name !== 'refunds.cancel') return { id: Number(pay.run(request).lastInsertRowid) }
  const row = args.id === undefined ? byRequest.get(request) : byId.get(Number(args.id))
  if (row === undefined) return { problem: 'there is no such refund' }
  // It books every time, as a service without idempotency does.
  booked.run(Number(row.id))
  cancel.run(Number(row.id))
  return { id: Number(row.id) }
}

/**
 * The shop's payments service: an MCP server on the official SDK over a SQLite book.
 *
 *   PAYMENTS_TOKEN=… node payments-server.ts --book <file> --port <n>
 *
 * It is an honest server with the usual protection: whoever has the token may do everything.
 */
import { createServer } from 'node:http'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { openBook } from './book.ts'

const { values } = parseArgs({ options: { book: { type: 'string' }, port: { type: 'string' } } })
const token = process.env.PAYMENTS_TOKEN
if (values.book === undefined || token === undefined) {
  process.stderr.write('usage: PAYMENTS_TOKEN=… node payments-server.ts --book <file> --port <n>\n')
  process.exit(2)
}
const book = openBook(values.book)
const handler = toNodeHandler(createMcpHandler(payments))

createServer((request, response) => {
  // The SDK's type wants the properties that a server's request always has.
  if (request.headers.authorization === `Bearer ${token}`) void handler(request as NodeIncomingMessageLike, response)
  else response.writeHead(401).end()
}).listen(Number(values.port ?? 0), '127.0.0.1', function (this: import('node:net').Server) {
  const address = this.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

function payments(): McpServer {
  const server = new McpServer({ name: 'payments', version: '1.0.0' })
  server.registerTool(
    'tickets.next',
    {
      description: 'Take the oldest open ticket',
      outputSchema: z.object({ ticket: z.object({ id: z.string(), order: z.string(), body: z.string() }).optional() }),
    },
    () => {
      const row = book.prepare(`SELECT id, order_id, body FROM tickets WHERE state = 'open' ORDER BY id LIMIT 1`).get()
      if (row === undefined) return said({})
      book.prepare(`UPDATE tickets SET state = 'taken' WHERE id = ?`).run(String(row.id))
      return said({ ticket: { id: String(row.id), order: String(row.order_id), body: String(row.body) } })
    },
  )
  server.registerTool(
    'orders.get',
    {
      description: 'Look an order up',
      inputSchema: z.object({ id: z.string().max(32) }),
      outputSchema: z.object({ id: z.string(), account: z.string(), amount: z.number(), currency: z.string() }),
    },
    ({ id }) => {
      const row = book.prepare('SELECT * FROM orders WHERE id = ?').get(id)
      if (row === undefined) return { ...said({}), isError: true }
      return said({ id, account: String(row.account), amount: Number(row.cents) / 100, currency: String(row.currency) })
    },
  )
  server.registerTool(
    'refunds.create',
    {
      description: 'Pay a refund, at once',
      inputSchema: z.object({
        order: z.string().max(32),
        account: z.string().max(34),
        amount: z.number(),
        currency: z.string().max(3),
        note: z.string().max(200).optional(),
      }),
      outputSchema: z.object({ id: z.number() }),
    },
    ({ order, account, amount, currency, note = '' }) => {
      const insert = book.prepare(
        'INSERT INTO refunds (order_id, account, cents, currency, note) VALUES (?, ?, ?, ?, ?)',
      )
      const { lastInsertRowid } = insert.run(order, account, Math.round(amount * 100), currency, note)
      return said({ id: Number(lastInsertRowid) })
    },
  )
  server.registerTool(
    'refunds.cancel',
    {
      description: 'Take a refund back',
      inputSchema: z.object({ id: z.number() }),
      outputSchema: z.object({ id: z.number(), state: z.string() }),
    },
    ({ id }) => {
      const { changes } = book.prepare(`UPDATE refunds SET state = 'cancelled' WHERE id = ?`).run(id)
      return changes === 0 ? { ...said({}), isError: true } : said({ id, state: 'cancelled' })
    },
  )
  server.registerTool(
    'refunds.find',
    {
      description: 'Tell how a refund stands',
      inputSchema: z.object({ id: z.number() }),
      outputSchema: z.object({ id: z.number(), state: z.string() }),
    },
    ({ id }) => {
      const row = book.prepare('SELECT state FROM refunds WHERE id = ?').get(id)
      return row === undefined ? { ...said({}), isError: true } : said({ id, state: String(row.state) })
    },
  )
  server.registerTool(
    'payouts.approve',
    {
      description: 'Approve a payout to a supplier',
      inputSchema: z.object({ account: z.string().max(34), amount: z.number() }),
      outputSchema: z.object({ id: z.number() }),
    },
    ({ account, amount }) => {
      const { lastInsertRowid } = book
        .prepare('INSERT INTO payouts (account, cents) VALUES (?, ?)')
        .run(account, Math.round(amount * 100))
      return said({ id: Number(lastInsertRowid) })
    },
  )
  return server
}

function said(structuredContent: Record<string, unknown>) {
  return { content: [{ type: 'text' as const, text: JSON.stringify(structuredContent) }], structuredContent }
}

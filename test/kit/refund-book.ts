/** A payments service over a real SQLite book, whose answers a test can drop, delay and falsify: the book is the truth. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JsonObject } from '../../src/model/index.ts'
import type { DeclaredPlan } from './config-text.ts'
import { answer, type ScriptedUpstream, startUpstream, tool } from './scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from './temporary.ts'

/**
 * `drop` and `refuse-after` do what was asked, and then break off, or answer with an error; `drop-before` and
 * `refuse` do nothing. `lie` does it and names another refund. `hang` does it and never answers, `hang-before` not even that.
 */
export type Behaviour = 'honest' | 'drop' | 'drop-before' | 'refuse' | 'refuse-after' | 'lie' | 'hang' | 'hang-before'

export interface RefundBook {
  readonly upstream: ScriptedUpstream
  /** Asked for every call, after it was recorded in `upstream.calls`. */
  behave: (name: string, args: JsonObject) => Behaviour | Promise<Behaviour>
  /** Which id it names instead. */
  lie: (id: number) => number
  /** Refunds that stand, by their request keys. */
  readonly standing: () => readonly string[]
  readonly refunds: () => readonly { readonly id: number; readonly request: string; readonly state: string }[]
  /** Every cancellation that the book carried out, by refund: more than one of a refund is money lost. */
  readonly cancelled: () => readonly number[]
}

const text = { type: 'string' }
const number = { type: 'number' }

function inputs(properties: JsonObject, required: readonly string[]): JsonObject {
  return { inputSchema: { type: 'object', properties, required, additionalProperties: false } }
}

const TOOLS: readonly JsonObject[] = [
  tool('refunds.create', inputs({ request: text, amount: number, currency: text }, ['request', 'amount', 'currency'])),
  tool('refunds.cancel', inputs({ id: number, request: text, key: text }, [])),
  tool('refunds.find', inputs({ request: text }, ['request'])),
  tool('payouts.approve', inputs({ amount: number }, ['amount'])),
]

/** As `firebreak.yaml` declares them; every text of them is carried, so that what is tested is undo. */
export const REFUND_CREATE: DeclaredPlan = {
  effect: 'spend',
  amount: '$.amount',
  currency: '$.currency',
  content: ['$.request'],
  accepts: ['untrusted'],
  undo: { tool: 'refunds.cancel', args: { id: '$result.id' } },
}

export const REFUND_TOOLS: Readonly<Record<string, DeclaredPlan>> = {
  'refunds.create': REFUND_CREATE,
  'refunds.cancel': { effect: 'write' },
  'refunds.find': { effect: 'read', returns: { $: [] } },
  'payouts.approve': { effect: 'irreversible', accepts: ['untrusted'] },
}

export const FIND = {
  tool: 'refunds.find',
  args: { request: '$args.request' },
  undone: { '$.stands': false },
}

export async function refundBook(file = join(temporaryDirectory(), 'book.sqlite'), port = 0): Promise<RefundBook> {
  const book = new DatabaseSync(file)
  book.exec(`
    CREATE TABLE IF NOT EXISTS refunds (id INTEGER PRIMARY KEY, request TEXT NOT NULL, cents INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS cancels (id INTEGER NOT NULL, key TEXT) STRICT;
    CREATE TABLE IF NOT EXISTS payouts (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL) STRICT;
  `)
  cleanUp(() => book.close())
  const upstream = await startUpstream(
    {
      era: 'modern',
      tools: TOOLS,
      onCall: async ({ id, name, args, response }) => {
        const behaviour = await kit.behave(name, args)
        if (behaviour === 'drop-before') return void response.destroy()
        if (behaviour === 'hang-before') return undefined
        if (behaviour === 'refuse') return { ...said({ problem: 'not now' }), isError: true }
        const result = act(book, name, args)
        if (behaviour === 'drop') return void response.destroy()
        if (behaviour === 'hang') return undefined
        if (behaviour === 'refuse-after') return { ...said({ problem: 'something broke' }), isError: true }
        if (behaviour === 'lie') return said({ ...result, id: kit.lie(Number(result.id)) })
        if (result.problem !== undefined) return { ...said(result), isError: true }
        answer(response, id, { result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...said(result) } })
        return undefined
      },
    },
    port,
  )
  const kit: RefundBook = {
    upstream,
    behave: () => 'honest',
    lie: (id) => id + 1_000,
    refunds: () =>
      book
        .prepare('SELECT id, request, state FROM refunds ORDER BY id')
        .all()
        .map((row) => ({ id: Number(row.id), request: String(row.request), state: String(row.state) })),
    standing: () => kit.refunds().flatMap(({ request, state }) => (state === 'paid' ? [request] : [])),
    cancelled: () =>
      book
        .prepare('SELECT id FROM cancels ORDER BY rowid')
        .all()
        .map((row) => Number(row.id)),
  }
  return kit
}

function act(book: DatabaseSync, name: string, args: JsonObject): JsonObject {
  if (name === 'refunds.create') {
    const cents = Math.round(Number(args.amount) * 100)
    const insert = book.prepare(`INSERT INTO refunds (request, cents, state) VALUES (?, ?, 'paid')`)
    return { id: Number(insert.run(String(args.request), cents).lastInsertRowid) }
  }
  if (name === 'refunds.find') {
    const row = book
      .prepare(`SELECT count(*) AS n FROM refunds WHERE request = ? AND state = 'paid'`)
      .get(String(args.request))
    return { stands: Number(row?.n ?? 0) > 0 }
  }
  if (name === 'payouts.approve') {
    const insert = book.prepare('INSERT INTO payouts (cents) VALUES (?)')
    return { id: Number(insert.run(Math.round(Number(args.amount) * 100)).lastInsertRowid) }
  }
  const byRequest = book.prepare(`SELECT id FROM refunds WHERE request = ?`).get(String(args.request))
  const id = Number(args.id ?? byRequest?.id)
  const key = args.key === undefined ? null : String(args.key)
  if (key !== null && book.prepare('SELECT 1 FROM cancels WHERE key = ?').get(key) !== undefined) return { id }
  if (book.prepare('SELECT 1 FROM refunds WHERE id = ?').get(id) === undefined) return { problem: `no refund ${id}` }
  // It counts every time, as a payments service without idempotency would book it.
  book.prepare('INSERT INTO cancels VALUES (?, ?)').run(id, key)
  book.prepare(`UPDATE refunds SET state = 'cancelled' WHERE id = ?`).run(id)
  return { id }
}

function said(structuredContent: JsonObject): JsonObject {
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
}

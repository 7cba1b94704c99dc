/** `firebreak undo` as a person runs it: beside nothing, beside a run, killed, and on a terminal that a cell writes to. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { firebreak, ledgerOf, type Ran, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type RefundBook, refundBook } from '../kit/refund-book.ts'
import { refundDesk } from '../kit/refund-desk.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

interface Desk {
  readonly book: RefundBook
  readonly config: string
  readonly state: string
  /** Runs the agent until it has had this many refunds paid, and is over. */
  readonly refunds: (count: number) => Promise<void>
  readonly undo: (...args: readonly string[]) => Promise<Ran>
}

const ORDER = ['--by', 'maria.silva@shop.example', '--reason', 'refund storm']

async function desk(): Promise<Desk> {
  const book = await refundBook()
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const config = await refundDesk(directory, book, ['refunds.create'])
  const at = ['-c', config, '--state', state]
  return {
    book,
    config,
    state,
    refunds: async (count) => {
      const ran = await firebreak(['run', ...at, '-a', 'alpha', '--', ...agent(count)])
      assert.equal(ran.code, 0, ran.stderr)
    },
    undo: (...args) => firebreak(['undo', ...at, ...args]),
  }
}

/** Pays refunds r1, r2, …; then it stays where it is, where it is told to. */
function agent(count: number, then: 'ends' | 'stays' = 'ends'): readonly string[] {
  return ['/opt/node', '/opt/agents/refunds.ts', `${count}`, then]
}

async function cellOf(state: string): Promise<string> {
  const started = (await ledgerOf(state)).find(({ kind }) => kind === 'cell.started')
  return started?.kind === 'cell.started' ? started.cell : ''
}

const totalsIn = ({ stdout }: Ran) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}').totals

describe('firebreak undo', { skip: SKIP }, () => {
  it('shows the plan and does nothing with --dry-run; names who and why; undoes; and says so the second time', async () => {
    const { book, state, refunds, undo } = await desk()
    await refunds(3)
    const cell = await cellOf(state)
    const dry = await undo(cell, '--dry-run')
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, /can be undone .*bank\/refunds\.create .*refunds\.cancel \{"id":"\$result\.id"\}/)
    assert.match(dry.stdout, /3 effects: 0 undone, 3 can be undone/)
    assert.equal((await undo(cell)).code, 2)
    assert.deepEqual(book.cancelled(), [])
    const done = await undo(cell, ...ORDER)
    assert.equal(done.code, 0, done.stderr)
    assert.match(done.stdout, /undone, by its answer .*refunds\.cancel \{"id":1\}/)
    assert.deepEqual(book.cancelled(), [3, 2, 1])
    const started = (await ledgerOf(state)).find(({ kind }) => kind === 'undo.started')
    assert.ok(started?.kind === 'undo.started')
    assert.deepEqual([started.by, started.why], ['maria.silva@shop.example', 'refund storm'])
    const again = await undo('--since', '1h', ...ORDER, '--json')
    assert.equal(again.code, 0)
    assert.equal(totalsIn(again).undone, 3)
    assert.deepEqual(book.cancelled(), [3, 2, 1])
    assert.equal((await undo('c_0000000000000000', ...ORDER)).code, 1)
    assert.equal((await undo('--since', 'yesterday', ...ORDER)).code, 2)
  })

  it('goes through the gateway of a run that is under way', async () => {
    const { book, config, state, undo } = await desk()
    const run = startFirebreak(['run', '-c', config, '--state', state, '-a', 'alpha', '--', ...agent(2, 'stays')])
    await until('both refunds are paid', () => book.standing().length === 2)
    const done = await undo('--since', '1h', ...ORDER, '--json')
    assert.equal(done.code, 0, done.stderr)
    assert.equal(totalsIn(done).undone, 2)
    assert.deepEqual(book.standing(), [])
    const gateways = (await ledgerOf(state)).filter(({ kind }) => kind === 'gateway.started')
    assert.equal(gateways.length, 1)
    run.child.kill('SIGTERM')
    run.child.kill('SIGTERM')
    await run.ended
  })

  for (const before of [true, false])
    it(`killed while a cancellation ${before ? 'is still to be' : 'has been'} carried out, it is ordered again and goes on`, async () => {
      const { book, config, state, refunds, undo } = await desk()
      await refunds(3)
      book.behave = (name, { id }) => {
        if (name !== 'refunds.cancel' || id !== 2) return 'honest'
        setImmediate(() => process.kill(killed.pid, 'SIGKILL'))
        return before ? 'hang-before' : 'hang'
      }
      const killed = startFirebreak(['undo', '-c', config, '--state', state, '--since', '1h', ...ORDER])
      await killed.ended
      book.behave = () => 'honest'
      await until('its gateway has ended', async () => (await undo('--since', '1h', '--dry-run')).code === 0)
      const again = await undo('--since', '1h', ...ORDER, '--json')
      assert.equal(again.code, 1, again.stderr)
      assert.deepEqual(totalsIn(again), { effects: 3, undone: 2, undoable: 0, irreversible: 0, failed: 0, unknown: 1 })
      assert.deepEqual(book.cancelled(), before ? [3, 1] : [3, 2, 1])
    })
})

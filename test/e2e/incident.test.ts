/** `firebreak incident` over the ledger of a real run: an agent that is stopped in the moment, undone, and told. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import type { CellId } from '../../src/model/index.ts'
import type { Incident } from '../../src/recovery/incident/incident.ts'
import { firebreak, ledgerOf, type Ran, SKIP, startFirebreak } from '../kit/command-line.ts'
import { childrenOf } from '../kit/host.ts'
import { type RefundBook, refundBook } from '../kit/refund-book.ts'
import { refundDesk } from '../kit/refund-desk.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const MARIA = 'maria.silva@shop.example'
/** What the detector lets through; the next one trips it. */
const LEFT = 3

describe('firebreak incident', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  let book: RefundBook
  let config = ''
  let cell: CellId
  const ask = (...args: readonly string[]): Promise<Ran> => firebreak([...args, '-c', config, '--state', state])
  const page = (ending: string, out = directory) => readFileSync(join(out, `incident-${cell}.${ending}`), 'utf8')

  before(async () => {
    book = await refundBook()
    config = await refundDesk(directory, book, ['refunds.create', 'refunds.find'], {
      detectors: { duplicates: { rung: 'frozen', alike: LEFT + 1 } },
    })
    const command = ['/opt/node', '/opt/agents/refunds.ts', '20', 'stays']
    const run = startFirebreak(['run', '-c', config, '--state', state, '-a', 'alpha', '--', ...command])
    await until('it is contained', async () => (await kinds(state)).includes('cell.contained'))
    const started = (await ledgerOf(state)).find((entry) => entry.kind === 'cell.started')
    cell = started?.cell ?? ('' as CellId)
    const undone = await ask('undo', cell, '--by', MARIA, '--reason', 'a storm')
    assert.equal(undone.code, 0, undone.stderr)
    assert.equal((await ask('kill', 'alpha', '--as', MARIA, '--why', 'it is over')).code, 0)
    const { stderr } = await run.ended
    const entries = await ledgerOf(state)
    const stops = entries.filter(({ kind }) => kind === 'cell.contained')
    assert.equal(stops.length, 2, `${stderr}\n${JSON.stringify(entries.slice(-8))}`)
  })

  it('S12 S16: tells what the book, the ledger and the receipts say, in both forms and as JSON', async () => {
    const made = await ask('incident', cell, '--out', directory, '--json')
    assert.equal(made.code, 0, made.stderr)
    const { incident, files } = JSON.parse(made.stdout.trimEnd().split('\n').at(-1) ?? '') as {
      incident: Incident
      files: readonly string[]
    }
    assert.deepEqual(files, [join(directory, `incident-${cell}.html`), join(directory, `incident-${cell}.md`)])
    const { verdict, effects, stops, proof, authority, change } = incident
    assert.deepEqual([verdict.kind, verdict.stop?.rung, verdict.tripped?.left], ['contained', 'frozen', 'no'])
    assert.deepEqual(verdict.later, { effects: 0, reads: 0 })
    assert.deepEqual([effects.totals.effects, effects.totals.undone], [LEFT, LEFT])
    assert.deepEqual([book.refunds().length, book.standing().length], [LEFT, 0])
    assert.equal(authority.grants[0]?.used.calls, LEFT)
    assert.deepEqual(
      stops.map(({ rung, contained, receipt }) => [rung, contained, receipt.kind === 'read' && receipt.signed]),
      [
        ['frozen', true, true],
        ['killed', true, true],
      ],
    )
    const [first] = stops
    assert.ok(first?.receipt.kind === 'read' && first.receipt.entriesMatch === true)
    const note = readFileSync(join(state, 'receipts', first.receipt.file))
    assert.equal(createHash('sha256').update(note).digest('hex'), first.receipt.sha256)
    assert.ok(proof.log?.intact === true && proof.witnessKey?.startsWith('firebreak-witness+'))
    assert.ok(change.reach.some((line) => line.includes('Nothing becomes possible that was not')))
    assert.ok(change.reach.some((line) => line.includes('bank/refunds.find is no longer possible')))
    assert.ok(change.patch.length > 3)
    for (const text of [page('html'), page('md')])
      for (const told of [
        MARIA,
        'Contained.',
        'did not leave',
        first.receipt.sha256,
        'Actions with an effect after that: zero',
      ])
        assert.ok(text.includes(told) || text.includes(told.replaceAll('=', '&#61;')), told)
    assert.equal(readFileSync(config, 'utf8').includes('admin.override'), false, 'nothing of the proposal was applied')
  })

  it('an entry that it names is proven with nothing but the ledger and the witness, as the page says', async () => {
    const [, seq = ''] = /--log test --entry (\d+)/.exec(page('md')) ?? []
    const at = [join(state, 'ledger'), '--witness', join(state, 'witness')]
    const proved = await firebreak(['ledger', 'prove', ...at, '--log', 'test', '--entry', seq])
    assert.equal(proved.code, 0, proved.stderr)
    assert.match(proved.stdout, /signal\.raised/)
  })

  it('without a configuration it says so and tells the rest; a link that lies in its way is replaced, not followed', async () => {
    const out = temporaryDirectory()
    const prey = join(out, 'prey')
    writeFileSync(prey, 'mine')
    symlinkSync(prey, join(out, `incident-${cell}.html`))
    const gone = join(out, 'nothing.yaml')
    const made = await firebreak(['incident', cell, '--out', out, '--state', state, '-c', gone])
    assert.equal(made.code, 0, made.stderr)
    assert.match(page('md', out), /There is no configuration at hand/)
    assert.match(page('md', out), /Actions with an effect after that: zero/)
    assert.equal(readFileSync(prey, 'utf8'), 'mine')
    assert.deepEqual(readdirSync(out).sort(), [`incident-${cell}.html`, `incident-${cell}.md`, 'prey'])
  })

  it('a name that is no cell is told which there are; a cell that nobody knows is no page', async () => {
    const agent = await ask('incident', 'alpha', '--out', directory)
    assert.deepEqual([agent.code, agent.stderr.includes(cell)], [2, true], agent.stderr)
    const unknown = await ask('incident', 'c_0000000000000000', '--out', directory)
    assert.equal(unknown.code, 1)
    assert.equal(existsSync(join(directory, 'incident-c_0000000000000000.html')), false)
  })

  it('S8: a stop is told from its signed receipt, whether a gateway was left to record it or not', async () => {
    const own = join(temporaryDirectory(), 'state')
    const command = ['/opt/node', '/opt/agents/refunds.ts', '1', 'stays']
    const run = startFirebreak(['run', '-c', config, '--state', own, '-a', 'alpha', '--', ...command])
    await until('it has paid', async () => (await kinds(own)).includes('action.outcome'))
    const [gateway = 0] = childrenOf(run.pid, 'gateway/main')
    process.kill(gateway, 'SIGSTOP')
    assert.equal(
      (await firebreak(['contain', 'alpha', '-c', config, '--state', own, '--as', MARIA, '--why', 'it'])).code,
      0,
    )
    await run.ended
    const started = (await ledgerOf(own)).find((entry) => entry.kind === 'cell.started')
    const made = await firebreak(['incident', `${started?.cell}`, '--out', own, '--state', own, '-c', config, '--json'])
    assert.equal(made.code, 0, made.stderr)
    const { incident } = JSON.parse(made.stdout.trimEnd().split('\n').at(-1) ?? '') as { incident: Incident }
    assert.equal(incident.verdict.kind, 'contained')
    assert.ok(incident.stops.some(({ by }) => by === MARIA))
    assert.ok(incident.stops.every(({ contained, receipt }) => contained && receipt.kind === 'read' && receipt.signed))
    const told = (await ledgerOf(own)).flatMap((entry) =>
      entry.kind === 'cell.contained' ? [entry.receipt.order] : [],
    )
    assert.deepEqual(
      incident.stops.filter(({ recorded }) => recorded).map(({ order }) => order),
      told,
    )
  })

  it('S12: of a ledger that somebody changed there is a page, and its first line says so', async () => {
    const copy = join(temporaryDirectory(), 'state')
    cpSync(state, copy, { recursive: true })
    const log = join(copy, 'ledger', 'test')
    const segment = join(log, readdirSync(log).find((name) => name.endsWith('.segment')) ?? '')
    const bytes = readFileSync(segment)
    bytes[bytes.indexOf('undo.started')] = 'U'.charCodeAt(0)
    writeFileSync(segment, bytes)
    const out = temporaryDirectory()
    const made = await firebreak(['incident', cell, '--out', out, '--state', copy, '-c', config])
    assert.equal(made.code, 7, made.stdout + made.stderr)
    assert.match(page('md', out).split('\n')[0] ?? '', /THE LEDGER IS DAMAGED/)
    assert.match(made.stdout.split('\n')[0] ?? '', /THE LEDGER IS DAMAGED/)
    // What came before it is told all the same, and what was undone after it is not claimed.
    assert.match(page('md', out), /duplicates/)
    assert.match(page('md', out), /3 effects got out: 0 undone/)
  })
})

async function kinds(state: string): Promise<readonly string[]> {
  if (!existsSync(join(state, 'ledger', 'test'))) return []
  return (await ledgerOf(state)).map(({ kind }) => kind)
}

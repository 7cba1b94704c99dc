/** Asks the operator about a recorded state, and no command line with it (`test/house/old-state`: a run with a held call). */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { writableLog } from '../ledger/files/writable-log.ts'
import type { LoggedEntry } from '../ledger/store.ts'
import { pageOf } from '../recovery/incident/page.ts'
import { stateOperator } from './state-operator.ts'

const MARIA = 'maria.silva@shop.example'

const directory = temporaryDirectory()
cpSync(join(import.meta.dirname, '../../test/house/old-state'), directory, { recursive: true })
execFileSync('tar', ['-xzSf', 'state.tar.gz', '-C', directory], { cwd: directory })
const state = join(directory, '.firebreak')
const configuration = join(directory, 'firebreak.yaml')
const operator = stateOperator(state)
const entries: readonly LoggedEntry[] = await Array.fromAsync(operator.entries())
const cell = entries.find((entry) => entry.kind === 'cell.started' && entry.agent === 'alpha')
const none = join(state, 'none.yaml')

/** Returns every path of the state with its size and the time of its last change. */
function filesOf(place: string): readonly string[] {
  return readdirSync(place, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((path) => `${path} ${statSync(join(place, path)).size} ${statSync(join(place, path)).mtimeMs}`)
}

describe('S15: why an action was decided as it was', () => {
  it('of a held one: who asked for it, all that it would carry, and what lets it pass by the present configuration', async () => {
    const [hold] = await operator.holds()
    assert.ok(hold !== undefined)
    const why = await operator.why({ action: hold.held.action, configuration, bytes: false })
    assert.ok(why.ok, JSON.stringify(why))
    const { decided, owner, reasons, whole, sent, outcome, again } = why.value
    assert.deepEqual([decided.kind, decided.agent, owner, decided.log], ['action.held', 'alpha', MARIA, 'test'])
    assert.ok(
      reasons.some((reason) => reason.includes('$.to')),
      reasons.join('\n'),
    )
    assert.deepEqual(whole?.ok && whole.value.args, { to: 'EVIL1', note: 'as asked' })
    assert.deepEqual([sent, outcome, again?.now.now], [undefined, undefined, 'hold'])
    assert.ok((again?.change?.changes.length ?? 0) > 0, JSON.stringify(again))
    const without = await operator.why({ action: hold.held.action, configuration: none, bytes: false })
    assert.ok(without.ok && without.value.again === undefined, 'nothing is decided without a configuration')
  })

  it('of one that was sent: its bytes, and what was answered', async () => {
    const intent = entries.find((entry) => entry.kind === 'action.intent')
    assert.ok(intent?.kind === 'action.intent')
    const why = await operator.why({ action: intent.action, configuration, bytes: false })
    assert.ok(why.ok, JSON.stringify(why))
    const { decided, outcome, sent = '', answered = '', again } = why.value
    assert.deepEqual([decided.kind, outcome?.action, again], ['action.intent', intent.action, undefined])
    assert.match(sent, /contacts/)
    assert.match(answered, /GOOD1/)
  })

  it('S10: of a relay’s request, whose head holds the credential of its server, its bytes only where all are asked for', async () => {
    const intent = entries.find((entry) => entry.kind === 'action.intent')
    assert.ok(intent?.kind === 'action.intent')
    const { log: _, v: _v, seq: _seq, atMs: _atMs, ...body } = intent
    const relayed = temporaryDirectory()
    const opened = await writableLog(join(relayed, 'ledger', 'test'), 'test').open({ clock: { nowMs: () => 1 } })
    assert.ok(opened.ok)
    const head = Buffer.from('GET /a HTTP/1.1\r\nauthorization: Bearer THE-KEY-OF-THE-SERVER\r\n\r\n')
    const payload = opened.value.payloads.put(intent.cell, head)
    assert.ok(payload.ok)
    const connection = { ...body, operation: 'http.connect', args: { method: 'GET' }, payload: payload.value } as const
    assert.ok(opened.value.append(connection).ok)
    await opened.value.close()
    const ask = { action: intent.action, configuration: none }
    const sent = async (bytes: boolean) => {
      const why = await stateOperator(relayed).why({ ...ask, bytes })
      assert.ok(why.ok, JSON.stringify(why))
      return why.value.sent
    }
    assert.match((await sent(false)) ?? '', /^\(it may hold a secret.*--bytes shows it\)$/)
    assert.equal(await sent(true), head.toString())
  })

  it('of one that is in no log, and of a state without any, says so', async () => {
    const nobody = await operator.why({ action: 'a_00000000000000000000', configuration, bytes: false })
    assert.deepEqual(nobody, { ok: false, reason: { kind: 'no-action' } })
    const unread = await stateOperator(join(state, 'nothing')).why({ action: 'a_1', configuration, bytes: false })
    assert.ok(!unread.ok && unread.reason.kind === 'unread', JSON.stringify(unread))
  })
})

describe('S12, S16: what there is to tell of a cell', () => {
  it('is made from logs, seals and the configuration, and nothing of the state is changed by it', async () => {
    assert.ok(cell?.kind === 'cell.started')
    const before = filesOf(state)
    const made = await operator.incident({ cell: cell.cell, configuration })
    assert.ok(made.ok, JSON.stringify(made))
    const { proof, authority, effects } = made.value
    assert.equal(proof.log?.intact, true)
    assert.equal(effects.totals.effects, 1)
    assert.deepEqual(
      authority.grants.map(({ tools }) => tools),
      [['contacts', 'pay']],
    )
    assert.ok(
      authority.reach.some((line) => line.includes('alpha · environment test')),
      authority.reach.join('\n'),
    )
    assert.ok(pageOf(made.value).headline.lines.length > 0)
    assert.deepEqual(filesOf(state), before)
    const without = await operator.incident({ cell: cell.cell, configuration: none })
    assert.match(
      (without.ok && without.value.authority.problem) || '',
      /no configuration at hand: .*none\.yaml is missing/,
    )
  })

  it('of an agent’s name are its cells; of a cell that nobody knows, nothing; of no state, that', async () => {
    assert.ok(cell?.kind === 'cell.started')
    const named = await operator.incident({ cell: 'alpha', configuration })
    assert.deepEqual(named, {
      ok: false,
      reason: { kind: 'not-a-cell', started: [{ cell: cell.cell, atMs: cell.atMs }] },
    })
    const unknown = await operator.incident({ cell: 'c_0000000000000000', configuration })
    assert.deepEqual(unknown, { ok: false, reason: { kind: 'no-cell', cell: 'c_0000000000000000' } })
    const nowhere = await stateOperator(join(state, 'nothing')).incident({ cell: cell.cell, configuration })
    assert.ok(!nowhere.ok && nowhere.reason.kind === 'unread', JSON.stringify(nowhere))
  })
})

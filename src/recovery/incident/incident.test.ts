import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Entry, EntryBody } from '../../model/entry.ts'
import {
  type ActionId,
  agentName,
  environmentName,
  type Json,
  labelFrom,
  newActionId,
  newCellId,
  personName,
  type Rung,
  sha256,
  toolName,
  UNTRUSTED,
  upstreamName,
} from '../../model/index.ts'
import { planOf } from '../plan.ts'
import { incidentOf, type Material } from './compose.ts'
import { Dossier } from './dossier.ts'
import { htmlOf } from './html.ts'
import type { Incident } from './incident.ts'
import { markdownOf } from './markdown.ts'
import { pageOf } from './page.ts'
import { tightenings } from './tighten.ts'
import { MOMENTS_MAX } from './timeline.ts'

const CELL = newCellId(Uint8Array.from({ length: 16 }, () => 1))
const OTHER = newCellId(Uint8Array.from({ length: 16 }, () => 2))
const UNDO = newCellId(Uint8Array.from({ length: 16 }, () => 3))
const AGENT = agentName('desk')
const MARIA = personName('maria@shop.example')
const TEST = environmentName('test')
const BANK = upstreamName('bank')
const NOTHING = { sha256: sha256('0'.repeat(64)), bytes: 2 }
const UNDOABLE = { undo: { tool: toolName('refunds.cancel'), args: { id: '$result.id' } } }

let drawn = 0
const action = (): ActionId =>
  newActionId(
    1,
    Uint8Array.from({ length: 10 }, (_, i) => (++drawn >> (i * 5)) & 31),
  )

/** A log as a gateway would write it, a second between two entries. */
class Log {
  readonly entries: Entry[] = []

  add(...bodies: readonly EntryBody[]): this {
    for (const body of bodies) {
      const seq = this.entries.length
      this.entries.push({ v: 1, seq, atMs: 1_700_000_000_000 + seq * 1_000, ...body })
    }
    return this
  }

  get next(): number {
    return this.entries.length
  }
}

function started(cell = CELL, more: Partial<Extract<EntryBody, { kind: 'cell.started' }>> = {}): EntryBody {
  const about = { cell, agent: AGENT, owner: MARIA, environment: TEST, receipt: {} }
  return { kind: 'cell.started', ...about, ...more }
}

function intent(
  id: ActionId,
  tool = 'refunds.create',
  more: Partial<Extract<EntryBody, { kind: 'action.intent' }>> = {},
): EntryBody {
  const about = { cell: CELL, agent: AGENT, environment: TEST, upstream: BANK, definition: NOTHING.sha256 }
  const reasons: Json = [{ kind: 'permit', grant: 'g_desk-bank', source: { file: 'f', line: 1, column: 1 } }]
  return {
    kind: 'action.intent',
    action: id,
    ...about,
    operation: 'tool',
    tool: toolName(tool),
    effect: 'spend',
    args: { account: 'DE1', amount: 10 },
    payload: NOTHING,
    reasons,
    spend: '10.00 EUR',
    ...more,
  }
}

function outcome(
  id: ActionId,
  of: 'done' | 'failed' | 'not-sent' | 'withheld' = 'done',
  happened?: 'no' | 'unknown',
): EntryBody {
  return { kind: 'action.outcome', action: id, outcome: of, ...(happened && { happened }), payload: NOTHING }
}

/** What the sentinel and the gate write when the last of these actions trips it. */
function tripped(log: Log, ids: readonly ActionId[], evidence: readonly number[], rung: Rung = 'frozen'): void {
  const signal = log.next
  const about = { cell: CELL, agent: AGENT }
  const what = 'bank/refunds.create for the 6th time'
  log.add(
    { kind: 'signal.raised', ...about, detector: 'duplicates', mode: 'enforce', what, evidence, rung, ...last(ids) },
    { kind: 'rung.changed', ...about, from: 'normal', to: rung, by: 'firebreak', why: `duplicates: ${what}`, signal },
  )
}

function last(ids: readonly ActionId[]): { action?: ActionId } {
  const id = ids.at(-1)
  return id === undefined ? {} : { action: id }
}

function contained(confirmed = true): EntryBody {
  const point = {
    point: 'gate',
    by: 'gateway',
    confirmed,
    said: 'nothing more is admitted',
    afterMs: 2,
    escalated: false,
  }
  const receipt = { order: 'o_0123456789abcdef', atMs: 1_700_000_000_000, contained: confirmed, confirmations: [point] }
  return { kind: 'cell.contained', cell: CELL, agent: AGENT, rung: 'frozen', receipt: { ...receipt, mayLandInAll: 0 } }
}

/** Honest work, a storm of five that leaves, a sixth that does not, the stop, and the undo of all five. */
function storm(): Log {
  const log = new Log()
  const honest = action()
  log.add(started(), intent(honest, 'refunds.create', { args: { account: 'DE0', amount: 10 } }), outcome(honest))
  const label = labelFrom('confidential:customers') ?? UNTRUSTED
  log.add({ kind: 'label.seen', cell: CELL, agent: AGENT, label, from: null })
  const evidence: number[] = []
  const ids = Array.from({ length: 6 }, action)
  for (const [i, id] of ids.entries()) {
    evidence.push(log.next)
    log.add(intent(id))
    if (i < 5) log.add(outcome(id))
  }
  tripped(log, ids, evidence)
  log.add(outcome(ids[5] ?? honest, 'not-sent'), contained())
  const why = 'refund storm'
  log.add({ kind: 'undo.started', cell: UNDO, agent: AGENT, owner: MARIA, environment: TEST, by: MARIA, why, what: {} })
  for (const id of ids.slice(0, 5).reverse()) {
    const undoing = action()
    log.add(intent(undoing, 'refunds.cancel', { cell: UNDO, undoes: id, effect: 'write' }), outcome(undoing))
  }
  return log.add({ kind: 'undo.ended', cell: UNDO, receipt: {} })
}

function incidentIn(entries: Iterable<Entry>, more: Partial<Material> = {}): Incident {
  const dossier = new Dossier(CELL, AGENT, (reasons) => [JSON.stringify(reasons)])
  for (const entry of entries) dossier.take(entry)
  const plan = planOf(dossier.story, { of: CELL }, () => UNDOABLE)
  if (!plan.ok) throw new Error(plan.reason)
  return incidentOf({
    cell: CELL,
    log: 'test',
    nowMs: 1_700_000_100_000,
    dossier,
    plan: plan.value,
    destinationsOf: () => [[{ name: 'account' }]],
    labelsAtStart: () => [],
    authority: {
      grants: [
        {
          id: 'g_desk-bank',
          by: MARIA,
          place: 'firebreak.yaml:7',
          upstream: BANK,
          tools: ['refunds.create'],
          budgets: [],
        },
      ],
      reach: [],
    },
    receipts: new Map(),
    unrecorded: [],
    proof: { findings: [], findingsLeftOut: 0, problem: 'nobody looked' },
    change: { proposals: [], patch: [], reach: [] },
    ...more,
  })
}

describe('an incident', () => {
  it('says what stopped it, that the action which tripped it did not leave, and that none came after', () => {
    const { verdict, subject, effects, authority, people } = incidentIn(storm().entries)
    assert.equal(verdict.kind, 'contained')
    assert.deepEqual(
      [verdict.stop?.rung, verdict.stop?.detector, verdict.stop?.by],
      ['frozen', 'duplicates', 'firebreak'],
    )
    assert.equal(verdict.tripped?.left, 'no')
    assert.deepEqual(verdict.later, { effects: 0, reads: 0 })
    assert.deepEqual([subject?.agent, subject?.owner, subject?.environment], ['desk', MARIA, 'test'])
    assert.deepEqual(effects.totals, { effects: 6, undone: 5, undoable: 1, irreversible: 0, failed: 0, unknown: 0 })
    assert.equal(effects.notSent, 1)
    assert.deepEqual(authority.grants[0]?.used, { calls: 6, spend: ['60.00 EUR'] })
    assert.deepEqual(
      people.map(({ who }) => who),
      [MARIA, MARIA, MARIA],
    )
  })

  it('tells alike effects together: how many, where to, how much, and what their cell had seen', () => {
    const { rows } = incidentIn(storm().entries).effects
    assert.deepEqual(
      rows.map(({ count, destinations, spend, labels, standing }) => ({
        count,
        destinations,
        spend,
        labels,
        standing,
      })),
      [
        { count: 1, destinations: ['DE0'], spend: ['10.00 EUR'], labels: [], standing: 'undoable' },
        {
          count: 5,
          destinations: ['DE1'],
          spend: ['50.00 EUR'],
          labels: ['confidential:customers'],
          standing: 'undone',
        },
      ],
    )
  })

  it('tells what its cell carried when it started, of the log: nobody piped it into the configuration', () => {
    const paid = action()
    const begun = started(CELL, { labels: [UNTRUSTED] })
    const { rows } = incidentIn(new Log().add(begun, intent(paid), outcome(paid)).entries).effects
    assert.deepEqual(rows[0]?.labels, [UNTRUSTED])
  })

  it('keeps to one cell: another one’s actions, rungs and signals are not in it', () => {
    const log = storm()
    const before = incidentIn(log.entries)
    const strange = action()
    log.add(started(OTHER), intent(strange, 'refunds.create', { cell: OTHER }), outcome(strange))
    const about = { cell: OTHER, agent: AGENT, from: 'normal', to: 'killed', by: MARIA, why: 'x' } as const
    log.add({ kind: 'rung.changed', ...about })
    const after = incidentIn(log.entries)
    assert.deepEqual({ ...after, read: { ...after.read, entries: before.read.entries } }, before)
  })

  it('a gateway that was replaced under it is told, and under another one is not', () => {
    const over = {
      agent: AGENT,
      environment: 'test' as never,
      why: 'it fell silent',
      rung: 'watched',
      labels: [],
    } as const
    const told = (cell: typeof CELL) => {
      const log = new Log().add(started(), { kind: 'cell.taken-over', cell, ...over })
      return incidentIn(log.entries)
        .timeline.moments.map(({ what }) => textOf(what))
        .filter((text) => text.includes('silent'))
    }
    assert.deepEqual(told(CELL), [`its gateway was lost (it fell silent): another serves ${CELL}`])
    assert.deepEqual(told(OTHER), [])
  })

  it('an action that was admitted after the stop is told, and so is a point that has not confirmed', () => {
    const log = new Log().add(started())
    tripped(log, [], [0], 'quarantined')
    const late = action()
    log.add(intent(late), outcome(late), contained(false))
    const incident = incidentIn(log.entries)
    assert.deepEqual([incident.verdict.kind, incident.verdict.later.effects], ['not-contained', 1])
    const { headline } = pageOf(incident)
    assert.equal(headline.good, false)
    assert.match(textOf(headline.lines[0]), /^NOT CONTAINED.*AFTER THAT: 1/)
  })

  it('who let its agent go before it started is named, and what became of its agent after it was let go is not its own', () => {
    const log = new Log()
    const about = { kind: 'rung.changed', agent: AGENT } as const
    log.add({ ...about, from: 'normal', to: 'frozen', by: 'firebreak', why: 'an older storm' })
    log.add({ ...about, from: 'frozen', to: 'normal', by: MARIA, why: 'the ticket is gone' }, started())
    tripped(log, [], [2])
    log.add({ kind: 'cell.ended', cell: CELL, receipt: {} })
    log.add({ ...about, from: 'frozen', to: 'normal', by: MARIA, why: 'it is fine' })
    log.add({ ...about, from: 'normal', to: 'killed', by: MARIA, why: 'a later storm' })
    const { people, verdict, timeline } = incidentIn(log.entries)
    const did = people.map((each) => textOf(each.did))
    assert.ok(
      did.includes('had let its agent go before: the ticket is gone') && did.includes('released it: it is fine'),
    )
    assert.deepEqual([verdict.released?.why, verdict.stop?.rung], ['it is fine', 'frozen'])
    const told = timeline.moments.map(({ what }) => textOf(what)).join('\n')
    assert.ok(told.includes('was let go by') && !told.includes('older') && !told.includes('later'), told)
  })

  it('a stop that only its signed receipt tells of is one, and what the ledger has after it is counted', () => {
    const log = new Log().add(started())
    const [before, late] = [action(), action()]
    log.add(intent(before), outcome(before), intent(late), outcome(late))
    const stop = {
      order: 'o_0123456789abcdef',
      rung: 'frozen',
      contained: true,
      by: 'firebreak',
      why: 'the gateway is gone',
    }
    const receipt = { kind: 'missing', problem: 'x' } as const
    const unrecorded = [
      { ...stop, atMs: 1_700_000_002_500, confirmations: [], recorded: false, mayLand: 0, inFlight: [], receipt },
    ]
    const incident = incidentIn(log.entries, { unrecorded })
    assert.deepEqual([incident.verdict.kind, incident.verdict.later], ['contained', { effects: 1, reads: 0 }])
    assert.match(markdownOf(pageOf(incident)), /No entry of the ledger tells of this order/)
  })

  it('what was released may act again: that is no action after the stop', () => {
    const log = new Log().add(started())
    tripped(log, [], [0], 'restricted')
    const [read, later] = [action(), action()]
    log.add(intent(read, 'orders.get', { effect: 'read' }), outcome(read))
    log.add({ kind: 'rung.changed', agent: AGENT, from: 'restricted', to: 'normal', by: MARIA, why: 'it is fine' })
    log.add(intent(later), outcome(later))
    const { verdict } = incidentIn(log.entries)
    assert.deepEqual([verdict.kind, verdict.later, verdict.released?.by], ['lowered', { effects: 0, reads: 1 }, MARIA])
  })

  it('what has no answer is unknown, with how to find out; what was sent when it tripped is not said to have stayed', () => {
    const log = new Log().add(started())
    const lost = action()
    log.add(intent(lost))
    tripped(log, [lost], [1])
    const { effects, verdict } = incidentIn(log.entries)
    assert.equal(verdict.tripped?.left, 'unknown')
    assert.deepEqual([effects.rows[0]?.standing, effects.rows[0]?.outcome], ['unknown', 'unknown'])
    assert.match(effects.rows[0]?.howToFindOut ?? '', /firebreak why/)
  })

  it('what was withheld is told as done only where it was answered', () => {
    const log = new Log().add(started())
    const [answered, away, forgotten] = [action(), action(), action()]
    log.add(intent(answered, 'a'), outcome(answered, 'withheld'), intent(away, 'b'))
    log.add(outcome(away, 'withheld', 'unknown'), intent(forgotten, 'c'), outcome(forgotten, 'withheld', 'no'))
    tripped(log, [], [1])
    log.add(contained())
    const incident = incidentIn(log.entries)
    const told = incident.effects.rows.map(({ tool, outcome: answer, standing }) => `${tool} ${answer} ${standing}`)
    assert.deepEqual(told.toSorted(), ['bank/a withheld undoable', 'bank/b unanswered unknown'])
    assert.equal(incident.effects.notSent, 1)
    const markdown = markdownOf(pageOf(incident))
    assert.match(markdown, /none to it, what came was withheld: it may have happened/)
    assert.match(markdown, /1 action with an effect was let through and never sent, or not looked at by its upstream/)
    assert.match(markdown, /1 effect of these has no answer to this day/)
    assert.match(markdown, /its upstream did not look at it, by its own word/)
  })

  it('what was in flight when it was stopped is listed, each with what the ledger says of it today', () => {
    const log = new Log().add(started())
    const [lost, landed] = [action(), action()]
    log.add(intent(lost), intent(landed))
    tripped(log, [], [1])
    const body = contained()
    const mayLand = [lost, landed].map((each) => ({ action: each, seq: 1, upstream: 'bank', tool: 'refunds.create' }))
    if (body.kind === 'cell.contained') log.add({ ...body, receipt: { ...body.receipt, mayLand, mayLandInAll: 2 } })
    log.add(outcome(landed))
    const incident = incidentIn(log.entries)
    assert.deepEqual(
      [incident.stops[0]?.mayLand, incident.stops[0]?.inFlight.map(({ now }) => now)],
      [2, ['unknown', 'done']],
    )
    const markdown = markdownOf(pageOf(incident))
    assert.match(markdown, /2 actions\. Unknown, MAY STILL LAND/)
    assert.ok(markdown.includes(`| ${lost} | \`bank/refunds.create\` | none: it may have happened |`), markdown)
  })

  it('S12: a damaged ledger is the first line of the page, and nothing that it says is called proven', () => {
    const proof = { findings: ['changed: an entry'], findingsLeftOut: 0, log: { ...LOG_REPORT, intact: false } }
    const incident = incidentIn(storm().entries.slice(0, 9), { damage: 'it ends in the middle', proof })
    const page = pageOf(incident)
    assert.match(markdownOf(page).split('\n')[0] ?? '', /THE LEDGER IS DAMAGED: `it ends in the middle`/)
    const body = htmlOf(page).split('<body>\n')[1] ?? ''
    assert.match(body.split('\n')[0] ?? '', /class="warning">THE LEDGER IS DAMAGED/)
    assert.ok(page.warnings.some((warning) => textOf(warning).includes('NOT INTACT')))
    assert.equal(page.headline.good, false)
    const lost = pageOf(incidentIn([], { damage: 'nothing can be read' }))
    assert.ok(lost.warnings.some((warning) => textOf(warning).includes('whose it was is not known')))
    assert.match(textOf(pageOf(incidentIn(storm().entries)).warnings[0]), /^NOT VERIFIED: nobody looked/)
  })

  it('entries that hold something else than they should are counted, and never end the page', () => {
    const log = storm()
    const forged = [
      { kind: 'signal.raised', cell: CELL, evidence: 7 },
      { kind: 'cell.contained', cell: CELL },
      {
        kind: 'cell.contained',
        cell: CELL,
        rung: 'frozen',
        receipt: { confirmations: [5, null], mayLandInAll: 'all' },
      },
      { ...intent(action()), spend: 10 },
      { ...intent(action()), args: null, reasons: { a: 1 }, effect: '<u>', charge: { holders: 3 } },
      { kind: 'action.intent', cell: CELL, action: { a: 1 }, charge: { holders: 3 }, tool: ['<b>'], upstream: null },
      { kind: 'rung.changed', cell: CELL, from: 9, to: '<i>', by: { x: 1 }, why: null },
      { kind: 'action.refused', cell: CELL, reasons: 'none' },
      { kind: 'cell.ended', cell: CELL, receipt: 5 },
      {
        kind: 'cell.taken-over',
        cell: CELL,
        agent: AGENT,
        environment: 'test',
        why: { x: 1 },
        rung: 'watched',
        labels: 5,
      },
      { kind: 'something.new', cell: CELL },
    ]
    for (const [i, each] of forged.entries()) log.entries.push({ v: 1, seq: 900 + i, atMs: 1, ...each } as never)
    const incident = incidentIn(log.entries)
    assert.equal(incident.read.malformed, 8)
    const page = pageOf(incident)
    assert.match(textOf(page.warnings.at(-1)), /entries hold something else/)
    assert.doesNotMatch(htmlOf(page), /<b>|<i>|<u>/)
    assert.ok(markdownOf(page).length > 1_000)
  })

  it('S17: is of bounded size, whatever the log’s; what was left out is counted', () => {
    const log = new Log().add(started())
    const long = 'x'.repeat(5_000)
    for (let i = 0; i < 3_000; i++) {
      const id = action()
      log.add(intent(id, `tool-${i}`, { args: { account: `${i}${long}` } }), outcome(id))
      const again = action()
      log.add(intent(again, `tool-${i}`, { effect: 'read' }), outcome(again))
      log.add({ kind: 'hold.answered', hold: id, approved: true, by: MARIA, expiresAtMs: 0, why: long })
      if (i % 10 === 0) tripped(log, [id], [log.next - 1], 'watched')
      if (i % 10 === 5) log.add(contained())
    }
    const incident = incidentIn(log.entries)
    const { timeline, effects, stops, people, proof } = incident
    assert.equal(timeline.moments.length, MOMENTS_MAX)
    const told = timeline.moments.reduce((sum, { count }) => sum + count, 0)
    // Every start, call, signal, rung and receipt once; answers to nobody's holds are not told.
    assert.equal(told + timeline.leftOut, 1 + 6_000 + 300 + 300 + 300)
    const rows = effects.rows.reduce((sum, { count }) => sum + count, 0)
    assert.deepEqual([effects.rows.length, rows + effects.leftOut], [60, 3_000])
    assert.ok(stops.length <= 8 && people.length <= 40 && proof.entries.length <= 40)
    for (const text of [htmlOf(pageOf(incident)), markdownOf(pageOf(incident)), JSON.stringify(incident)])
      assert.ok(text.length < 400_000, `${text.length}`)
    assert.equal(timeline.moments[0]?.seq, 0, 'how it began is kept')
  })

  it('two calls that alternate are two lines, and a turn ends their runs', () => {
    const log = new Log().add(started())
    for (let i = 0; i < 40; i++) {
      const id = action()
      log.add(intent(id, i % 2 === 0 ? 'a' : 'b', { effect: 'read' }), outcome(id))
    }
    tripped(log, [], [3], 'watched')
    const id = action()
    log.add(intent(id, 'a', { effect: 'read' }), outcome(id))
    const { moments } = incidentIn(log.entries).timeline
    assert.deepEqual(
      moments.map(({ count, seq }) => [count, seq]),
      [
        [1, 0],
        [20, 1],
        [20, 3],
        [1, 81],
        [1, 82],
        [1, 83],
      ],
    )
    assert.ok(moments[1] && moments[1].lastAtMs > moments[1].atMs)
  })
})

describe('what to change', () => {
  const budget = {
    kind: 'spend',
    maxUnits: 1_000_000n,
    currency: 'EUR',
    window: { kind: 'sliding', ms: 86_400_000 },
  } as const
  const grants = [
    { id: 'g_desk-bank', upstream: 'bank', tools: ['refunds.create', 'refunds.list'], budgets: [budget] },
    { id: 'g_desk-mail', upstream: 'mail', tools: ['send'], budgets: [] },
  ]
  const declared = { name: toolName('refunds.create'), effect: 'spend', accepts: [UNTRUSTED] } as const
  const atHand = {
    grants,
    declared: (tool: string) => (tool === 'bank/refunds.create' ? declared : undefined),
    labelsAtStart: [UNTRUSTED],
    hasDecoys: false,
    observing: (name: string) => name === 'velocity',
  }
  const dossierOf = (entries: readonly Entry[]) => {
    const dossier = new Dossier(CELL, AGENT, () => [])
    for (const entry of entries) dossier.take(entry)
    return dossier
  }

  it('TG1: takes what honest work never used, caps what the storm used near what honest work did, and asks a person', () => {
    const proposed = tightenings(dossierOf(storm().entries), atHand)
    assert.deepEqual(
      proposed.map(({ what: _, why: __, ...change }) => change),
      [
        { kind: 'tools', grant: 0, keep: ['refunds.create'] },
        { kind: 'tools', grant: 1, keep: [] },
        { kind: 'budget', grant: 0, of: 'spend', to: '12.50 EUR/day' },
        { kind: 'budget', grant: 0, of: 'calls', to: '2/min' },
        { kind: 'accepts', tool: 'bank/refunds.create', keep: [] },
        { kind: 'decoy', tool: 'bank/admin.override' },
      ],
    )
  })

  it('what the storm itself used is no honest use, also in an earlier cell of the agent', () => {
    const log = new Log().add(started(OTHER))
    const listed = action()
    log.add(intent(listed, 'refunds.list', { cell: OTHER, effect: 'read' }), outcome(listed))
    const before = log.next
    const mailed = action()
    log.add(intent(mailed, 'send', { cell: OTHER, upstream: upstreamName('mail') }), outcome(mailed))
    const about = {
      cell: OTHER,
      agent: AGENT,
      detector: 'decoy',
      what: 'x',
      evidence: [before],
      rung: 'frozen',
    } as const
    log.add({ kind: 'signal.raised', mode: 'enforce', ...about })
    for (const { v: _, seq: __, atMs: ___, ...body } of storm().entries) {
      // Evidence is named by its place in the log.
      if (body.kind === 'signal.raised')
        log.add({ ...body, evidence: body.evidence.map((seq) => seq + before + 3 - 1) })
      else log.add(body)
    }
    const kept = tightenings(dossierOf(log.entries), atHand).filter(({ kind }) => kind === 'tools')
    assert.deepEqual(
      kept.map((change) => ('keep' in change ? change.keep : [])),
      [[]],
      'the list was used honestly, the mail was not',
    )
  })

  it('what an action made use of beside its own operation was used, of a model and a git server as of tools', () => {
    const log = new Log().add(started())
    const asked = action()
    const about = { upstream: upstreamName('claude'), operation: 'model', effect: 'irreversible' } as const
    log.add(intent(asked, 'generate', { ...about, alongside: [toolName('mcp')] }), outcome(asked))
    const tools = ['model:generate', 'model:mcp', 'model:files']
    const grants = [{ id: 'g_desk-claude', upstream: 'claude', tools, budgets: [] }]
    const [kept] = tightenings(dossierOf(log.entries), { ...atHand, grants, hasDecoys: true })
    assert.ok(kept?.kind === 'tools')
    assert.deepEqual(kept.keep, ['model:generate', 'model:mcp'])
  })

  it('a detector that saw it and only told is proposed to enforce; nothing is proposed of an agent that did nothing', () => {
    const log = storm()
    const about = { cell: CELL, agent: AGENT, detector: 'velocity', what: 'fast', evidence: [2] } as const
    log.add({ kind: 'signal.raised', mode: 'observe', ...about })
    const proposed = tightenings(dossierOf(log.entries), { ...atHand, hasDecoys: true })
    assert.ok(proposed.some((each) => each.kind === 'enforce' && each.detector === 'velocity'))
    assert.ok(proposed.every(({ kind }) => kind !== 'decoy'))
    assert.deepEqual(tightenings(dossierOf(new Log().add(started()).entries), atHand), [])
  })
})

const LOG_REPORT = {
  intact: true,
  entries: 9,
  sealed: 9,
  seals: 1,
  root: '00',
  payloadsChecked: 0,
  payloadsUnchecked: 0,
}

function textOf(wording: Incident['people'][number]['did'] | undefined): string {
  return (wording ?? []).map((part) => (typeof part === 'string' ? part : part.said)).join('')
}

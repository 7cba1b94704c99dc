import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import {
  type ConfigurationApplied,
  type EnvironmentName,
  environmentName,
  no,
  ok,
  personName,
} from '../../model/index.ts'
import type { EnvironmentRun } from '../environment/environment-run.ts'
import type { HostChange } from '../host.ts'
import { judgeConfig } from '../prepare/setup.ts'
import { openState } from '../state/state.ts'
import { Applying, type ConfiguredHost } from './applying.ts'

const MARIA = personName('maria@shop.example')
const [TEST, LIVE] = [environmentName('test'), environmentName('live')]

type Written = (grants: { readonly alpha: readonly string[]; readonly omega: readonly string[] }) => void

interface Scene {
  readonly applying: Applying
  readonly host: ConfiguredHost
  /** All that was done, in its order. */
  readonly done: string[]
  readonly entries: ConfigurationApplied[]
  readonly write: Written
  readonly apply: (...agreed: readonly string[]) => ReturnType<Applying['apply']>
}

interface Circumstances {
  /** Ledgers that take nothing. */
  readonly refuses?: readonly EnvironmentName[]
  readonly cells?: number
  /** An environment that is not open, and what comes of opening it. */
  readonly closed?: { readonly name: EnvironmentName; readonly opens: boolean }
}

/** A host over `alpha` of `test` and `omega` of `live`, who are granted resources. */
async function scene({ refuses = [], cells = 0, closed }: Circumstances = {}): Promise<Scene> {
  const directory = temporaryDirectory()
  const file = join(directory, 'firebreak.yaml')
  const upstream = (environment: string, port: number) => ({
    environment,
    mcp: { url: `http://127.0.0.1:${port}/mcp` },
    resources: ['a://one', 'a://two'],
  })
  const agent = (environment: string, name: string, resources: readonly string[]) => ({
    owner: MARIA,
    environment,
    grants: resources.length === 0 ? [] : [{ upstream: name, resources, expires: '1h' }],
  })
  const write: Written = ({ alpha, omega }) => {
    const config = {
      environments: { test: {}, live: {} },
      upstreams: { desk: upstream('test', 7), bank: upstream('live', 8) },
      agents: { alpha: agent('test', 'desk', alpha), omega: agent('live', 'bank', omega) },
    }
    writeFileSync(file, JSON.stringify(config))
  }
  write({ alpha: ['a://one'], omega: ['a://one'] })
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const judged = await judgeConfig(loaded.value, undefined, parseHere)
  assert.ok(judged.ok, JSON.stringify(judged))
  const [done, entries]: [string[], ConfigurationApplied[]] = [[], []]
  const state = openState(join(directory, 'state'), false, Math.random)
  if (closed !== undefined) mkdirSync(join(directory, 'state/ledger', closed.name))
  const runOf = (name: EnvironmentName): Partial<EnvironmentRun> => ({
    state,
    cellCount: () => cells,
    record: (entry) => {
      done.push(`record ${name}`)
      if (entry.kind === 'configuration.applied') entries.push(entry)
      return Promise.resolve(!refuses.includes(name))
    },
    follow: ({ narrowed }) => {
      done.push(`follow ${name} ${narrowed.join()}`.trim())
      return Promise.resolve(ok(undefined))
    },
  })
  const runs = new Map([TEST, LIVE].map((name) => [name, runOf(name) as EnvironmentRun])) // what applying asks of one
  const open = new Map([...runs].filter(([name]) => name !== closed?.name))
  let current = judged.value
  const change: HostChange = {
    open,
    openAlso: (name) => {
      done.push(`open ${name}`)
      const run = runs.get(name)
      assert.ok(run && closed?.name === name, 'the other one is open')
      return Promise.resolve(closed.opens ? ok(run) : no('it has a writer already'))
    },
    owe: (name, { narrowed }) => void done.push(`owe ${name} ${narrowed?.join()}`),
    adopt: (next) => {
      done.push('adopt')
      current = next
    },
    close: async (name, record) => {
      done.push(`end ${name}`)
      const run = runs.get(name)
      if (run !== undefined) await record(run)
    },
  }
  const host: ConfiguredHost = {
    get judged() {
      return current
    },
    stateDirectory: join(directory, 'state'),
    changing: (act) => act(change),
  }
  const applying = new Applying(host)
  const apply = async (...agreed: readonly string[]) => {
    const planned = await applying.plan()
    assert.ok(planned.ok, JSON.stringify(planned))
    const people = agreed.map(personName)
    return applying.apply({ seen: planned.value.seen, by: people[0] ?? MARIA, agreed: people, restart: false })
  }
  return { applying, host, done, entries, write, apply }
}

describe('Applying', () => {
  it('AP2: what only narrows is in force before any disk is waited for', async () => {
    const { write, apply, done, entries } = await scene()
    write({ alpha: [], omega: ['a://one'] })
    const applied = await apply()
    assert.ok(applied.ok, JSON.stringify(applied))
    assert.equal(done[0], 'adopt')
    assert.ok(done.indexOf('follow test alpha') < done.indexOf('record test'))
    assert.ok(done.includes('follow live'), 'what its gateway explains with changes there, too')
    const told = entries.map(({ environment, narrowed, widened }) => [environment, narrowed, widened])
    assert.deepEqual(told.toSorted(), [
      ['live', undefined, undefined],
      ['test', ['alpha'], undefined],
    ])
  })

  it('AP5: an environment that is not open has the entry of what narrows, too; one that does not open is told', async () => {
    const narrowed = { alpha: [], omega: ['a://one'] }
    const opens = await scene({ closed: { name: TEST, opens: true } })
    opens.write(narrowed)
    const recorded = await opens.apply()
    assert.ok(recorded.ok, JSON.stringify(recorded))
    assert.deepEqual(recorded.value.elsewhere, [])
    assert.deepEqual(opens.done.slice(0, 2), ['adopt', 'follow live'], 'no disk is waited for where it runs')
    assert.ok(opens.done.indexOf('open test') < opens.done.indexOf('end test'), 'and it is closed again')
    const entry = opens.entries.find(({ environment }) => environment === TEST)
    assert.deepEqual(entry?.narrowed, ['alpha'])

    const held = await scene({ closed: { name: TEST, opens: false } })
    held.write(narrowed)
    const told = await held.apply()
    assert.ok(told.ok, JSON.stringify(told))
    assert.deepEqual(told.value.elsewhere, [{ environment: TEST, why: 'it has a writer already', cells: [] }])
    assert.ok(held.done.includes('owe test alpha'))
  })

  it('AP1, AP3, S9: what widens is in the ledger before it is in force, on the word of its owner alone', async () => {
    const { write, apply, done, entries, host } = await scene()
    const before = host.judged
    write({ alpha: ['a://one', 'a://two'], omega: [] })
    for (const people of [[], ['jo@shop.example']]) {
      const refused = await apply(...people)
      assert.deepEqual(refused, {
        ok: false,
        reason: { kind: 'owners', missing: [{ agent: 'alpha', owner: MARIA }] },
      })
    }
    assert.deepEqual([done, host.judged === before], [[], true])
    const applied = await apply('MARIA@shop.example')
    assert.ok(applied.ok, JSON.stringify(applied))
    assert.deepEqual(done.slice(0, 2), ['record test', 'adopt'])
    assert.equal(done.filter((each) => each === 'record test').length, 1)
    assert.deepEqual([entries[0]?.widened?.[0]?.agreed, entries[0]?.widened?.[0]?.agent], [MARIA, 'alpha'])
    assert.match(entries[0]?.widened?.[0]?.what[0] ?? '', /a:\/\/two becomes possible/)
    assert.notEqual(host.judged, before)
  })

  it('AP1, AP3: where one ledger does not take it nothing is in force, and the other is told so', async () => {
    const { write, apply, done, entries, host } = await scene({ refuses: [LIVE] })
    const before = host.judged
    write({ alpha: ['a://one', 'a://two'], omega: ['a://one', 'a://two'] })
    const refused = await apply(MARIA)
    assert.equal(!refused.ok && refused.reason.kind, 'unrecorded')
    assert.equal(host.judged, before)
    assert.deepEqual(done, ['record test', 'record live', 'record test'])
    const [first, , last] = entries
    assert.deepEqual([last?.by, last?.before, last?.after], ['firebreak', first?.after, first?.before])
  })

  it('AP1: a file that is broken, or another than was shown, changes nothing', async () => {
    const { applying, write, host, done } = await scene()
    const planned = await applying.plan()
    assert.ok(planned.ok)
    write({ alpha: [], omega: [] })
    const ask = { seen: planned.value.seen, by: MARIA, agreed: [MARIA], restart: true }
    const changed = await applying.apply(ask)
    assert.deepEqual(changed, { ok: false, reason: { kind: 'changed' } })
    writeFileSync(host.judged.config.file, '{')
    const broken = await applying.apply(ask)
    assert.equal(!broken.ok && broken.reason.kind, 'invalid')
    assert.deepEqual(done, [])
  })

  it('AP4: cells are ended for what a gateway keeps only where that was allowed; where none runs nobody is asked', async () => {
    const move = ({ host }: Pick<Scene, 'host'>) => {
      const { file } = host.judged.config
      const config = {
        environments: { test: {}, live: {} },
        upstreams: {
          desk: { environment: 'test', mcp: { url: 'http://127.0.0.1:7/mcp' }, resources: ['a://one'] },
          bank: { environment: 'live', mcp: { url: 'http://127.0.0.1:8/mcp' }, resources: ['a://one', 'a://two'] },
        },
        agents: {
          alpha: {
            owner: MARIA,
            environment: 'test',
            grants: [{ upstream: 'desk', resources: ['a://one'], expires: '1h' }],
          },
          omega: {
            owner: MARIA,
            environment: 'live',
            grants: [{ upstream: 'bank', resources: ['a://one'], expires: '1h' }],
          },
        },
      }
      writeFileSync(file, JSON.stringify(config))
    }
    const busy = await scene({ cells: 2 })
    move(busy)
    const kept = await busy.apply(MARIA)
    assert.deepEqual(kept, {
      ok: false,
      reason: { kind: 'restart', environments: [{ environment: TEST, what: ['upstream desk'], cells: 2 }] },
    })
    assert.deepEqual(busy.done, [])
    const empty = await scene()
    move(empty)
    const applied = await empty.apply(MARIA)
    assert.ok(applied.ok, JSON.stringify(applied))
    assert.deepEqual(applied.value.ended, [TEST])
    assert.ok(empty.done.includes('end test') && empty.done.includes('follow live'))
  })
})

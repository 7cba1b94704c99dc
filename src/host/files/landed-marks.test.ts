import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Landing, WorkspaceFault, Workspaces } from '../../cells/workspace.ts'
import type { Agent, Config } from '../../config/config.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { makeFence } from '../stop/fence.ts'
import { commitWanted } from './commit.ts'
import { landedFor, markLanded, usedElsewhere } from './landed-marks.ts'
import { livedSpans, markCommitted, markDiscarded } from './workspace-marks.ts'

describe('X1: labels go with what has landed', () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-test-'))
  after(() => rmSync(base, { recursive: true, force: true }))
  const work = join(base, 'work')
  mkdirSync(join(work, 'sub'), { recursive: true })
  symlinkSync(work, join(base, 'link'))

  const agent = (name: string, environment: string, workspace: string | undefined, files: readonly string[] = []) =>
    ({
      name,
      environment,
      cell: { workspace, labels: [], files: new Map(files.map((from) => [`/at${from}`, from])) },
    }) as unknown as Agent
  const writer = agent('a', 'test', work)
  const tool = (...labels: string[]) => ({ returns: [{ path: [], labels }] })
  const upstream = (environment: string, label: string) => ({ environment, tools: new Map([['t', tool(label)]]) })
  const config = {
    agents: new Map([['a', writer]]),
    upstreams: new Map([
      ['hr', upstream('test', 'confidential:hr')],
      ['pay', upstream('production', 'confidential:pay')],
    ]),
  } as unknown as Config

  /** A state in which the warden answers so; `during` is called where changes would land. */
  async function committed(name: string, answer: Result<Landing, WorkspaceFault>, during?: (state: string) => void) {
    const state = join(base, name)
    const changes = join(state, 'workspaces', 'a')
    mkdirSync(changes, { recursive: true })
    makeFence(state)
    const workspaces = {
      commitChosen: async (_: string, choose: Parameters<Workspaces['commitChosen']>[1]) => {
        const diff = { record: { lower: work }, changes: [{ path: 'note.txt' }], executes: [] } as unknown
        await choose(diff as Parameters<typeof choose>[0])
        during?.(state)
        return answer
      },
    } as unknown as Workspaces
    const wanted = { rule: { allow: [['**']], never: [] }, confirmed: [] }
    return { state, landing: await commitWanted(workspaces, changes, wanted) }
  }
  const done = ok({ landed: ['note.txt'], refused: [], left: [] })
  const of = (state: string, to: Agent) => {
    const landed = landedFor(state, config, to)
    return landed.ok ? landed.value.map((each) => [each.agent, each.elsewhere] as const) : assert.fail(landed.reason)
  }

  it('for every agent that is shown it, a part of it, or what it is a part of, by whatever path', async () => {
    const { state } = await committed('shown', done)
    for (const shown of [work, join(work, 'sub'), base, join(base, 'link')]) {
      assert.deepEqual(of(state, agent('b', 'test', shown)), [['a', false]], shown)
      assert.deepEqual(of(state, agent('b', 'test', undefined, [shown])), [['a', false]], shown)
    }
    assert.deepEqual(of(state, agent('b', 'test', join(base, 'shown'))), [])
    assert.deepEqual(of(state, agent('b', 'test', undefined)), [])
  })

  it('and for a directory that was renamed, and what is made in its place', async () => {
    const [before, after] = [join(base, 'renamed'), join(base, 'renamed.old')]
    mkdirSync(join(before, 'sub'), { recursive: true })
    const state = join(base, 'renaming')
    mkdirSync(state)
    markLanded(state, { path: before, workspace: 'a', untilMs: 1 })
    renameSync(before, after)
    mkdirSync(before)
    markLanded(state, { path: before, workspace: 'a', untilMs: 2 })
    for (const shown of [after, join(after, 'sub')])
      assert.deepEqual(of(state, agent('b', 'test', shown)), [['a', false]], shown)
    assert.equal(of(state, agent('b', 'test', before)).length, 2)
    assert.deepEqual(of(state, agent('b', 'test', work)), [])
    markLanded(state, { path: before, workspace: 'a', untilMs: 3 })
    assert.equal(of(state, agent('b', 'test', before)).length, 2, 'one mark for each directory')
  })

  it('and into another environment, whose ledger tells nothing of it: all that there could have been seen', async () => {
    const { state } = await committed('elsewhere', done)
    const landed = landedFor(state, config, agent('b', 'production', work))
    assert.ok(landed.ok)
    assert.deepEqual(
      landed.value.map(({ elsewhere, otherwise }) => ({ elsewhere, otherwise })),
      [{ elsewhere: true, otherwise: ['untrusted', 'confidential:hr'] }],
    )
  })

  it('from before it lands: whoever dies in between leaves no file without a mark', async () => {
    let marked: unknown
    let own: unknown
    await committed('before', done, (state) => {
      marked = of(state, agent('b', 'test', work))
      markDiscarded(state, 'a', 5)
      own = livedSpans(state, 'a')
    })
    assert.deepEqual([marked, own], [[['a', false]], [[0, null]]])
  })

  it('and not where nothing has landed; where nobody knows, they do', async () => {
    const nothing = await committed('nothing', ok({ landed: [], refused: [], left: [] }))
    const held = await committed('held', no({ kind: 'unconfirmed', executes: [] }))
    const lost = await committed('lost', no({ kind: 'cut-off', why: 'killed' }))
    const marks = [nothing, held, lost].map(({ state }) => of(state, agent('b', 'test', work)).length)
    assert.deepEqual(marks, [0, 0, 1])
  })

  it('and with its agent into another environment, until its changes are thrown away', () => {
    const state = join(base, 'moved')
    mkdirSync(state)
    const used = (environment: string, name = 'a') => {
      const works = usedElsewhere(state, config, agent(name, environment, work), 7)
      return works.ok ? works.value.map(({ elsewhere, otherwise }) => [elsewhere, ...otherwise].join()) : works.reason
    }
    const [hr, pay] = [['true,untrusted,confidential:hr'], ['true,untrusted,confidential:pay']]
    assert.deepEqual([used('test'), used('test'), used('production'), used('test')], [[], [], hr, pay])
    markDiscarded(state, 'a', 5)
    assert.deepEqual([used('production'), used('production', 'b')], [[], []])
    markCommitted(state, 'a')
    markDiscarded(state, 'a', 9)
    assert.deepEqual(used('test'), pay, 'some have landed')
    writeFileSync(join(state, 'workspaces.json'), '{"a":')
    assert.match(String(used('test')), /cannot be told .*workspaces\.json/)
  })

  it('what cannot be marked does not land, and what cannot be read lets nothing start', async () => {
    mkdirSync(join(base, 'unwritable', 'landed.json'), { recursive: true })
    const { state, landing } = await committed('unwritable', done)
    assert.match(landing.ok || landing.reason.kind !== 'unknown' ? '' : landing.reason.problem, /nothing landed/)
    rmSync(join(state, 'landed.json'), { recursive: true })
    writeFileSync(join(state, 'landed.json'), '[{')
    const landed = landedFor(state, config, writer)
    assert.match(landed.ok ? '' : landed.reason, /cannot be told .*landed\.json/)
  })
})

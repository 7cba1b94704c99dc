/** PL1, by the types of a configuration: whichever single member of it is another one, somebody is asked. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { runs } from '../../../test/kit/runs.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { definitionDigest } from '../../gateway/protocols/mcp/contract/definition.ts'
import { personName, type ToolName } from '../../model/index.ts'
import { type Accepted, writeAllAccepted } from '../prepare/accepted.ts'
import { type Judged, judgeConfig } from '../prepare/setup.ts'
import { PART_TABLES } from '../reach/parts.ts'
import { planOf } from './plan.ts'

const [MARIA, ANA, JO] = ['maria@shop.example', 'ana@shop.example', 'jo@shop.example']
const LABELLED = { accepts: ['untrusted', 'confidential'], content: ['$.note'], links: 'any' }

/** A configuration that says every member which a configuration can have. */
const WHOLE = {
  tenants: { shop: { environments: ['test', 'live'] } },
  environments: {
    test: {
      hardened: true,
      egress: ['https://partner.example'],
      undo: {
        owner: ANA,
        grants: [
          {
            upstream: 'desk',
            tools: ['drop'],
            expires: '1h',
            approver: JO,
            when: 'context.effect == "write"',
            budget: { calls: '9/day' },
          },
        ],
      },
    },
    live: { egress: ['http://10.1.1.1'] },
  },
  upstreams: {
    desk: {
      environment: 'test',
      mcp: { url: 'https://desk.example/mcp', headers: { authorization: 'Bearer ${secret:key}' }, ca: 'ca.pem' },
      tools: {
        note: {
          effect: 'write',
          ...LABELLED,
          destinations: { '$.to': ['A1', 'B2'] },
          returns: { $: ['untrusted'], '$.id': [] },
          ids: ['$.id'],
          mask: ['$.hidden'],
          rows: '$.rows',
          maxRows: 10,
          timeout: '1min',
          maxBytes: '1MiB',
          undo: { tool: 'drop', args: { source: '$args.note', key: { source: ['$undo'] } } },
          check: { tool: 'read', args: { source: '$args.note' }, undone: { '$.state': ['gone'] } },
        },
        drop: { effect: 'write', ...LABELLED },
        read: { effect: 'read', returns: { $: ['confidential'] } },
        pay: {
          effect: 'spend',
          ...LABELLED,
          amount: '$.amount',
          currency: '$.currency',
          settles: '$.paid',
          settlesDown: true,
        },
      },
    },
    web: {
      environment: 'test',
      relay: true,
      mcp: {
        command: ['node', 'web.ts'],
        shared: true,
        cell: {
          root: '/srv/web',
          files: { '/opt/web': '/srv/opt' },
          env: { MODE: 'safe', KEY: '${secret:key}' },
          cwd: '/opt',
        },
      },
      tools: { fetch: { effect: 'read' } },
    },
    bank: { environment: 'live', mcp: { url: 'https://bank.example/mcp' }, tools: { look: { effect: 'read' } } },
  },
  agents: {
    alpha: {
      owner: MARIA,
      environment: 'test',
      command: ['node', 'alpha.ts'],
      delegates: ['helper'],
      cell: {
        driver: 'linux',
        root: '/srv/root',
        workspace: '/srv/work',
        hide: ['private/**', '*.key'],
        labels: ['untrusted', 'confidential'],
        files: { '/opt/a': '/srv/a', '/opt/b': '/srv/b' },
        cwd: '/opt/a',
        env: { SAFE: '1', OTHER: '2' },
        cpu: 2,
        memory: '512MiB',
        pids: 64,
        io: '1MiB/s',
        wall: '1h',
        checkpoints: { every: '10min', before: ['irreversible'], required: true, keep: 3, size: '1GiB' },
        commit: { allow: ['src/**'], never: ['secret/**'] },
      },
      grants: [
        {
          upstream: 'desk',
          tools: ['note', 'read', 'pay', 'drop'],
          when: 'context.effect == "write" || context.effect == "spend" || context.effect == "read"',
          budget: { calls: '60/min', spend: '10.00 EUR/day', bytes: '1MiB/day' },
          expires: '8h',
          approver: JO,
        },
        { upstream: 'web', tools: ['fetch'], expires: '8h', approver: JO },
      ],
    },
    // A home of that kind does not go with a root.
    helper: { owner: JO, environment: 'test', command: ['node', 'helper.ts'], cell: { home: '/srv/home' }, grants: [] },
    omega: {
      owner: JO,
      environment: 'live',
      command: ['node', 'o.ts'],
      grants: [{ upstream: 'bank', tools: ['look'], expires: '1h' }],
    },
  },
  policies: ['never.cedar'],
  containment: {
    mode: 'enforce',
    decoys: {
      tools: { 'desk/admin': 'opens everything' },
      files: ['/root/.aws/credentials'],
      credentials: { AWS_SECRET_ACCESS_KEY: 'AKIAIOSFODNN7EXAMPLE' },
      hosts: ['metadata.example'],
    },
  },
  secrets: { key: { command: ['vault', 'read'], every: '1h' } },
}

const POLICIES = [
  'forbid (principal, action == Action::"web/tls.connect:partner.example:443", resource) when { context.labels.contains("confidential") };',
  'forbid (principal == Agent::"helper", action == Action::"desk/note", resource);',
  'forbid (principal == Agent::"undo", action, resource) when { context.labels.contains("confidential") };',
  'forbid (principal, action == Action::"desk/read", resource) when { context.labels.contains("confidential") };',
]

const whole = await judgedFrom(WHOLE)

async function judgedFrom(config: object): Promise<Judged> {
  const directory = temporaryDirectory()
  const file = join(directory, 'firebreak.yaml')
  writeFileSync(join(directory, 'never.cedar'), POLICIES.join('\n'))
  writeFileSync(join(directory, 'ca.pem'), 'no certificate')
  writeFileSync(file, JSON.stringify(config))
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded, undefined, 1))
  accept(loaded.value)
  return judge(loaded.value)
}

async function judge(config: Config): Promise<Judged> {
  const judged = await judgeConfig(config, undefined, parseHere)
  assert.ok(judged.ok, JSON.stringify(judged))
  return judged.value
}

/** Accepts a definition of each declared tool, with the arguments that `WHOLE` names. */
function accept(config: Config): void {
  const text = { type: 'string' }
  const properties = { note: text, to: text, amount: { type: 'number' }, currency: text, source: text, key: {} }
  const accepted = [...config.upstreams.values()].map(({ name, tools }) => {
    const own = [...tools.keys()].map((tool): readonly [ToolName, Accepted] => {
      const definition = { name: tool, inputSchema: { type: 'object', properties, additionalProperties: false } }
      const by = { acceptedBy: personName(MARIA), acceptedAtMs: 0 }
      return [
        tool,
        { name: tool, definition, digest: definitionDigest(definition), input: definition.inputSchema, ...by },
      ]
    })
    return [name, new Map(own)] as const
  })
  writeAllAccepted(config, new Map(accepted), new Map(), new Map())
}

/** The way to a member: names, keys of maps, and numbers in lists and sets. */
type Way = readonly (string | number)[]

/** A change of one member: another value in its place, or one of its parts taken out. */
interface Edit {
  readonly way: Way
  readonly what: 'another' | 'without'
}

/** Returns all single changes of a value: each of its ends another one, each part of each collection taken out. */
function editsOf(value: unknown, way: Way = []): readonly Edit[] {
  if (value instanceof URL || typeof value !== 'object' || value === null) return [{ way, what: 'another' }]
  return entriesOf(value).flatMap(([key, member]) => {
    const at = [...way, key]
    const isPart = value instanceof Map || value instanceof Set || Array.isArray(value)
    return [...(isPart ? [{ way: at, what: 'without' } as const] : []), ...editsOf(member, at)]
  })
}

function entriesOf(value: object): readonly (readonly [string | number, unknown])[] {
  if (value instanceof Map) return [...value]
  if (value instanceof Set) return [...value].map((each, i) => [i, each])
  if (Array.isArray(value)) return value.map((each: unknown, i) => [i, each])
  return Object.entries(value).filter(([, member]) => member !== undefined)
}

/** Returns a copy with one change; `fresh` makes the other value of an end. */
function edited(value: unknown, { way: [key, ...rest], what }: Edit, fresh: (old: unknown) => unknown): unknown {
  if (key === undefined) return fresh(value)
  assert.ok(typeof value === 'object' && value !== null)
  const entries = entriesOf(value).flatMap(([name, member]): readonly (readonly [string | number, unknown])[] => {
    if (name !== key) return [[name, member]]
    if (rest.length === 0 && what === 'without') return []
    return [[name, edited(member, { way: rest, what }, fresh)]]
  })
  if (value instanceof Map) return new Map(entries)
  if (value instanceof Set) return new Set(entries.map(([, member]) => member))
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries)
}

/** Members that mean nothing to what anybody may do, and those whose every other value is no configuration. */
const MEANS_NOTHING =
  /(?:^|\.)(?:source|name)(?:\.|$)|^(?:file|text|directory|policies|tenants)(?:\.|$)|\.kind$|^profile$/
/** Members by which the policies are others that are parsed. */
const PARSED =
  /\.(?:grants|effect|egress|environment|tenant|relay)\b|\.tools\.[^.]+$|^(?:agents|upstreams|environments)\.[^.]+$/
/** Names that have to be those of something: another one is chosen from what there is. */
const CHOSEN: readonly (readonly [RegExp, readonly unknown[]])[] = [
  [
    /\.hardened$|\.relay$|\.shared$|\.labelled$|\.settlesDown$|\.anyLinks$|\.beforeIrreversible$|\.required$/,
    [true, false],
  ],
  [/^environments\.[^.]+\.tenant$/, ['shop', 'other']],
  [/\.environment$/, ['test', 'live']],
  [/\.effect$/, ['write', 'irreversible', 'read', 'spend']],
  [/\.grants\.\d+\.upstream$/, ['desk', 'web']],
  [/\.when\.value$/, ['context.effect == "write"', 'context.effect != "irreversible"']],
  [/\.window\.kind$/, []],
  [/\.mode$/, ['observe', 'enforce']],
  [/\.rung$/, ['watched', 'restricted', 'quarantined', 'frozen', 'killed']],
  [/\.delegates\.\d+$|\.undo\.tool$|\.check\.tool$/, ['alpha', 'drop', 'read']],
]

function freshFor(way: string): (old: unknown) => unknown {
  const choice = CHOSEN.find(([pattern]) => pattern.test(way))?.[1]
  return (old) => {
    if (choice !== undefined) return choice.find((each) => each !== old) ?? old
    if (typeof old === 'number') return old + 1
    if (typeof old === 'bigint') return old + 1n
    if (typeof old === 'boolean') return !old
    if (old instanceof URL) return new URL(old.href.replace('example', 'example.org').replace('10.1.1.1', '10.1.1.2'))
    return typeof old === 'string' ? `${old}x` : 'x'
  }
}

/** Returns who may act by a member, at the least. */
function actorsFor(way: string): readonly string[] {
  if (way.startsWith('agents.')) return [way.split('.')[1] ?? '']
  if (/^environments\.[^.]+\.undo/.test(way)) return ['undo']
  if (/^(?:environments\.test|upstreams\.desk\.(?:server|relay)|secrets)\b/.test(way)) return ['alpha']
  return way.startsWith('upstreams.web.') || way.startsWith('upstreams.desk.tools') ? ['alpha'] : []
}

describe('PL1, for every member of a configuration', () => {
  const edits = editsOf(whole.config).filter(({ way }) => !MEANS_NOTHING.test(way.join('.')))

  it('what is changed here is all that the types have', () => {
    const [[alpha, helper], test, desk] = [
      [...whole.config.agents.values()],
      [...whole.config.environments.values()][0],
      [...whole.config.upstreams.values()][0],
    ]
    assert.ok(alpha && helper && test && desk)
    const has = (...values: readonly object[]) => new Set(values.flatMap((value) => Object.keys(value)))
    const members = {
      CONFIG: has(whole.config),
      ENVIRONMENT: has(test),
      UPSTREAM: has(desk),
      TOOL: has(...desk.tools.values()),
      AGENT: has(alpha),
      CELL: has(alpha.cell, helper.cell),
      GRANT: has(...alpha.grants),
      CONTAINMENT: has(whole.config.containment),
      DECOYS: has(whole.config.containment.decoys),
    }
    for (const [name, table] of Object.entries(PART_TABLES)) {
      const missing = Object.keys(table).filter((member) => !members[name as keyof typeof members].has(member))
      // Of connections alone, which are made of an environment's egress; and of observed runs, which no host has.
      const others: Readonly<Record<string, readonly string[]>> = { TOOL: ['acceptsOneOf'], AGENT: ['observed'] }
      assert.deepEqual(missing, others[name] ?? (name === 'GRANT' ? ['observed'] : []), name)
    }
  })

  /**
   * Says what is wrong with the plans of a change and of its way back: each says something of whoever acts by the member,
   * and one of them asks. Empty where nothing is; undefined where the change makes no configuration.
   */
  const unasked = async (edit: Edit): Promise<string | undefined> => {
    const way = edit.way.join('.')
    const config = edited(whole.config, edit, freshFor(way)) as Config // of its shape: one of its ends is another
    const judged = PARSED.test(way)
      ? await judgeConfig(config, undefined, parseHere)
      : { ok: true as const, value: { ...whole, config } }
    if (!judged.ok) return undefined
    const asked = new Set<string>()
    for (const { agents } of [planOf(whole, judged.value), planOf(judged.value, whole)]) {
      const said = new Set<string>(agents.map(({ agent }) => agent))
      const silent = actorsFor(way).filter((actor) => !said.has(actor))
      if (said.size === 0 || silent.length > 0)
        return `${edit.what} ${way}: nothing is said of ${silent.join() || 'anybody'}`
      for (const { agent, changes } of agents) if (changes.some(({ widens }) => widens)) asked.add(agent)
      if (asked.size > 0 && actorsFor(way).every((actor) => asked.has(actor))) return ''
    }
    const missing = actorsFor(way).filter((actor) => !asked.has(actor))
    return `${edit.what} ${way}: ${missing.join() || 'nobody'} is not asked, neither there nor back`
  }

  it('PL1: no member can be changed and changed back unseen: somebody is asked, there or back', async (t) => {
    const plain = edits.filter(({ way }) => !PARSED.test(way.join('.')))
    assert.ok(plain.length > 150, `${plain.length}`)
    const unseen: string[] = []
    for (const edit of plain) unseen.push((await unasked(edit)) ?? '')
    assert.deepEqual(
      unseen.filter((each) => each !== ''),
      [],
    )
    t.diagnostic(`${plain.length} changes`)
  })

  it('PL1: nor one by which policies and grants are others', async () => {
    const parsed = edits.filter(({ way }) => PARSED.test(way.join('.')))
    const property = fc.asyncProperty(fc.constantFrom(...parsed), async (edit) => {
      const found = await unasked(edit)
      fc.pre(found !== undefined)
      assert.equal(found, '')
    })
    await fc.assert(property, { numRuns: runs(25, 300) })
  })
})

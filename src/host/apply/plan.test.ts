import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import type { Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { definitionDigest } from '../../gateway/protocols/mcp/contract/definition.ts'
import { environmentName, personName, type ToolName } from '../../model/index.ts'
import { type Accepted, writeAllAccepted } from '../prepare/accepted.ts'
import { type Judged, judgeConfig } from '../prepare/setup.ts'
import { meansSame } from './meaning.ts'
import { type ConfigurationPlan, planOf } from './plan.ts'

const directory = temporaryDirectory()

/** A desk and a bank, as an object that a test changes a copy of. */
function base() {
  const url = 'http://127.0.0.1:9/mcp'
  const carried = { accepts: ['untrusted'], content: ['$'], links: 'any' }
  const grant = { upstream: 'desk', tools: ['note', 'read'], expires: '8h', budget: { calls: '60/min' } }
  return {
    environments: { test: {}, live: {} } as Record<string, object>,
    upstreams: {
      desk: {
        environment: 'test',
        mcp: { url, headers: {} as Record<string, string> },
        tools: {
          note: { effect: 'write', ...carried, undo: { tool: 'drop' } },
          drop: { effect: 'write', ...carried },
          read: { effect: 'read' },
        } as Record<string, object>,
      },
    } as Record<string, { environment: string; mcp: { url: string; headers: object }; tools: Record<string, object> }>,
    agents: {
      alpha: {
        owner: 'maria@shop.example',
        environment: 'test',
        grants: [grant] as object[],
        delegates: [] as string[],
      },
      omega: { owner: 'jo@shop.example', environment: 'live', grants: [] as object[], delegates: [] as string[] },
    } as Record<
      string,
      { owner: string; environment: string; grants: object[]; delegates: string[]; cell?: object; command?: string[] }
    >,
    containment: { mode: 'enforce' } as Record<string, unknown>,
    policies: [] as string[],
  }
}

let count = 0

async function judged(change: (config: ReturnType<typeof base>) => void = () => undefined): Promise<Judged> {
  const config = base()
  change(config)
  const at = join(directory, `${count++}`)
  mkdirSync(at)
  writeFileSync(join(at, 'never.cedar'), 'forbid (principal, action, resource == Upstream::"desk");')
  writeFileSync(join(at, 'firebreak.yaml'), JSON.stringify(config))
  const loaded = await loadConfig(join(at, 'firebreak.yaml'), { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  accept(loaded.value)
  const fit = await judgeConfig(loaded.value, undefined, parseHere)
  assert.ok(fit.ok, JSON.stringify(fit))
  return fit.value
}

/** Accepts a definition of each declared tool. */
function accept(config: Config): void {
  const accepted = [...config.upstreams.values()].map(({ name, tools }) => {
    const own = [...tools.keys()].map((tool): readonly [ToolName, Accepted] => {
      const definition = { name: tool, inputSchema: { type: 'object', properties: {}, additionalProperties: false } }
      const by = { acceptedBy: personName('maria@shop.example'), acceptedAtMs: 0 }
      return [tool, { name: tool, definition, digest: definitionDigest(definition), ...by }]
    })
    return [name, new Map(own)] as const
  })
  writeAllAccepted(config, new Map(accepted), new Map(), new Map())
}

const first = await judged()
const planFor = async (change: Parameters<typeof judged>[0]) => planOf(first, await judged(change))
const widened = ({ agents }: ConfigurationPlan) =>
  agents.filter(({ changes }) => changes.some(({ widens }) => widens)).map(({ agent, owner }) => `${agent} ${owner}`)
const anew = (plan: ConfigurationPlan) => plan.anew.map(({ environment, what }) => `${environment}: ${what.join(', ')}`)

describe('planOf', () => {
  it('PL1, S5: says of each change who answers for what it makes possible; what only narrows needs nobody', async () => {
    const same = planOf(first, await judged())
    assert.deepEqual([same.agents, same.anew, same.never], [[], [], undefined])
    const narrow: readonly Parameters<typeof judged>[0][] = [
      ({ agents }) => {
        agents.alpha = { ...alphaOf(agents), grants: [] }
      },
      ({ policies }) => {
        policies.push('never.cedar')
      },
      ({ environments }) => {
        environments.live = { hardened: true }
      },
      ({ containment }) => {
        containment.decoys = { files: ['/root/.aws/credentials'] }
      },
    ]
    for (const change of narrow) {
      const plan = await planFor(change)
      assert.deepEqual([widened(plan), anew(plan)], [[], []], JSON.stringify(plan))
      assert.ok(plan.agents.length > 0, String(change))
    }
    const wide: readonly (readonly [Parameters<typeof judged>[0], readonly string[]])[] = [
      [
        ({ agents }) => {
          alphaOf(agents).owner = 'eve@shop.example'
        },
        ['alpha maria@shop.example'],
      ],
      [
        ({ agents }) => {
          alphaOf(agents).delegates.push('beta')
          agents.beta = { ...alphaOf(agents), delegates: [], command: ['true'] }
        },
        ['alpha maria@shop.example', 'beta maria@shop.example'],
      ],
      [
        ({ agents }) => {
          alphaOf(agents).cell = { hide: [] }
        },
        ['alpha maria@shop.example'],
      ],
      [
        ({ containment }) => {
          containment.mode = 'observe'
        },
        ['alpha maria@shop.example', 'omega jo@shop.example'],
      ],
      [
        ({ environments }) => {
          environments.test = {
            undo: { owner: 'ana@shop.example', grants: [{ upstream: 'desk', tools: ['drop'], expires: '1h' }] },
          }
        },
        ['undo ana@shop.example'],
      ],
    ]
    for (const [change, owners] of wide) assert.deepEqual(widened(await planFor(change)), owners)
  })

  it('PL2: says what a gateway keeps until its end, and follows the rest', async () => {
    const kept: readonly (readonly [Parameters<typeof judged>[0], readonly string[]])[] = [
      [
        ({ upstreams }) => {
          deskOf(upstreams).mcp.headers = { 'x-desk': 'b' }
        },
        ['test: upstream desk'],
      ],
      [
        ({ upstreams }) => {
          deskOf(upstreams).tools.read = { effect: 'write' }
        },
        ['test: upstream desk'],
      ],
      [
        ({ environments }) => {
          environments.test = { egress: ['https://a.example'] }
        },
        ['test: its egress'],
      ],
      [
        ({ containment }) => {
          containment.mode = 'observe'
        },
        ['test: the rules of detectors', 'live: the rules of detectors'],
      ],
      [
        ({ agents }) => {
          alphaOf(agents).grants = [{ upstream: 'desk', tools: ['note'], expires: '8h', budget: { calls: '5/hour' } }]
        },
        ['test: the budget of g_alpha-desk'],
      ],
      [
        ({ agents }) => {
          alphaOf(agents).grants = [{ upstream: 'desk', tools: ['note'], expires: '8h', budget: { calls: '5/min' } }]
        },
        [],
      ],
      [
        ({ upstreams }) => {
          deskOf(upstreams).tools.note = { effect: 'write', content: ['$'], links: 'any', undo: { tool: 'drop' } }
        },
        [],
      ],
    ]
    for (const [change, environments] of kept) {
      assert.deepEqual(anew(await planFor(change)), environments, String(change))
    }
    const gone = planOf(first, {
      ...first,
      config: {
        ...first.config,
        environments: new Map([
          [environmentName('test'), { name: environmentName('test'), hardened: false, egress: [] }],
        ]),
      },
    })
    assert.deepEqual(anew(gone), ['live: the environment itself'])
  })

  it('meansSame: places and orders mean nothing; values, links and bigints do', () => {
    const one = {
      source: { line: 1 },
      a: new Map([
        ['x', 1n],
        ['y', 2n],
      ]),
      url: new URL('http://a/'),
    }
    assert.ok(
      meansSame(one, {
        url: new URL('http://a/'),
        a: new Map([
          ['y', 2n],
          ['x', 1n],
        ]),
        source: { line: 2 },
      }),
    )
    assert.ok(!meansSame(one, { ...one, url: new URL('http://b/') }))
    assert.ok(!meansSame(one, { ...one, a: new Map([['x', 1n]]) }))
    assert.ok(!meansSame(new Set(['a']), ['a']))
    assert.ok(!meansSame({ a: undefined, b: 1 }, { b: 2 }))
  })
})

function alphaOf({ alpha }: ReturnType<typeof base>['agents']) {
  assert.ok(alpha)
  return alpha
}

function deskOf({ desk }: ReturnType<typeof base>['upstreams']) {
  assert.ok(desk)
  return desk
}

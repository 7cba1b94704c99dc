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
import { meansSame } from '../reach/meaning.ts'
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

async function judged(
  change: (config: ReturnType<typeof base>) => void = () => undefined,
  policies: readonly string[] = [],
): Promise<Judged> {
  const config = base()
  change(config)
  if (policies.length > 0) config.policies.push('own.cedar')
  const at = join(directory, `${count++}`)
  mkdirSync(at)
  writeFileSync(join(at, 'never.cedar'), 'forbid (principal, action, resource == Upstream::"desk");')
  writeFileSync(join(at, 'own.cedar'), policies.join('\n'))
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

  it('PL1: what a change is for is asked, whoever is granted nothing by itself: delegates, and undo', async () => {
    const desk = 'resource == Upstream::"desk"'
    const given = (config: ReturnType<typeof base>) => {
      alphaOf(config.agents).delegates.push('helper')
      config.agents.helper = {
        owner: 'jo@shop.example',
        environment: 'test',
        grants: [],
        delegates: [],
        command: ['a'],
      }
      config.environments.test = {
        undo: { owner: 'ana@shop.example', grants: [{ upstream: 'desk', tools: ['drop'], expires: '1h' }] },
      }
    }
    const before = await judged(given, [`forbid (principal == Agent::"helper", action, ${desk});`])
    const without = await judged(given)
    assert.deepEqual(widened(planOf(before, without)), ['helper jo@shop.example'])
    assert.deepEqual(widened(planOf(without, before)), [])
    const undoes = await judged(given, [`forbid (principal == Agent::"undo", action, ${desk});`])
    assert.deepEqual(widened(planOf(undoes, without)), ['undo ana@shop.example'])
    const many = await judged(given, [
      `forbid (principal == Agent::"undo", action in Action::"effect", ${desk}) when { context.effect == "write" };`,
    ])
    const more = await judged(given, [`forbid (principal == Agent::"undo", action in Action::"effect", ${desk});`])
    assert.deepEqual([widened(planOf(many, more)), widened(planOf(more, many))], [[], ['undo ana@shop.example']])
    const moved = await judged((config) => {
      given(config)
      deskOf(config.upstreams).mcp.url = 'http://127.0.0.1:10/mcp'
      alphaOf(config.agents).grants = []
    })
    assert.deepEqual(widened(planOf(without, moved)), ['undo ana@shop.example'])
  })

  it('PL1: another source of a secret is another credential, and is asked of all who act by it', async () => {
    const keyed = (key: object) => (config: ReturnType<typeof base>) => {
      deskOf(config.upstreams).mcp.headers = { authorization: 'Bearer ${secret:key}' }
      Object.assign(config, { secrets: { key } })
    }
    const plan = planOf(await judged(keyed({ file: '/keys/read' })), await judged(keyed({ file: '/keys/admin' })))
    assert.deepEqual([widened(plan), anew(plan)], [['alpha maria@shop.example'], ['test: upstream desk']])
  })

  it('PL1: in a hardened environment nobody takes the second person away alone', async () => {
    const hardened =
      (approver: string, is = true) =>
      (config: ReturnType<typeof base>) => {
        config.environments.test = { hardened: is }
        alphaOf(config.agents).grants = [{ upstream: 'desk', tools: ['note'], expires: '8h', approver }]
      }
    const before = await judged(hardened('ana@shop.example'))
    const both = ['alpha maria@shop.example', 'alpha ana@shop.example']
    assert.deepEqual(widened(planOf(before, await judged(hardened('ana@shop.example', false)))), both)
    assert.deepEqual(widened(planOf(before, await judged(hardened('eve@shop.example')))), both)
    const open = await judged(hardened('ana@shop.example', false))
    assert.deepEqual(widened(planOf(open, await judged(hardened('eve@shop.example', false)))), both.slice(0, 1))
  })

  it('PL1: who comes in the place of an agent that is taken out needs its owner’s word, too', async () => {
    const renamed = (upstream: string) => (config: ReturnType<typeof base>) => {
      const { alpha: _, ...others } = config.agents
      config.upstreams.other = { ...deskOf(config.upstreams), mcp: { url: 'http://127.0.0.1:11/mcp', headers: {} } }
      const grants = [{ upstream, tools: ['note'], expires: '8h' }]
      config.agents = { ...others, beta: { owner: 'eve@shop.example', environment: 'test', grants, delegates: [] } }
    }
    const [own, also] = ['beta eve@shop.example', 'beta maria@shop.example']
    assert.deepEqual(widened(await planFor(renamed('desk'))), [own, also])
    assert.deepEqual(widened(await planFor(renamed('other'))), [own])
  })

  it('PL1: a variable that is taken out may have held a program back', async () => {
    const env = (own: object) => (config: ReturnType<typeof base>) => {
      alphaOf(config.agents).cell = { env: own }
    }
    const plan = planOf(await judged(env({ SAFE_MODE: '1' })), await judged(env({})))
    assert.deepEqual(widened(plan), ['alpha maria@shop.example'])
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
          [environmentName('test'), { name: environmentName('test'), hardened: false, observe: false, egress: [] }],
        ]),
      },
    })
    assert.deepEqual(anew(gone), ['live: the environment itself'])
  })

  it('meansSame: the order of a map means nothing; values, links, bigints and members of any name do', () => {
    const one = {
      a: new Map([
        ['x', 1n],
        ['y', 2n],
      ]),
      url: new URL('http://a/'),
    }
    const two = new Map([
      ['y', 2n],
      ['x', 1n],
    ])
    assert.ok(meansSame(one, { url: new URL('http://a/'), a: two }))
    assert.ok(!meansSame(one, { ...one, url: new URL('http://b/') }))
    assert.ok(!meansSame(one, { ...one, a: new Map([['x', 1n]]) }))
    assert.ok(!meansSame(new Set(['a']), ['a']))
    assert.ok(!meansSame({ a: undefined, b: 1 }, { b: 2 }))
    assert.ok(!meansSame({ args: { source: '$args.a' } }, { args: { source: '$args.b' } }))
    assert.ok(!meansSame({ a: [] }, { a: {} }))
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

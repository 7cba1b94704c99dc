import type { EntityData, Request } from '../../../src/policy/cedar/request.ts'
import { CedarSet, Decimal, Entity, type Value } from '../../../src/policy/cedar/value.ts'
import type { Random } from './random.ts'

/**
 * The world of one test: entities with attributes, and requests in it. Small pools, so that comparisons are often true,
 * and ids that two types share.
 */
export const TEXTS: readonly string[] = [
  '',
  'a',
  'b',
  'ab',
  'aab',
  'a*b',
  '1.0',
  '12.3456',
  '-0.5',
  '1.00000',
  'é',
  'e\u0301',
  '😀',
  'A"\\\n',
  '\u0000',
]
export const LONGS: readonly number[] = [
  0,
  1,
  -1,
  2,
  3,
  1024,
  -1024,
  2 ** 31,
  Number.MAX_SAFE_INTEGER,
  -Number.MAX_SAFE_INTEGER,
]
export const DECIMAL_UNITS: readonly bigint[] = [0n, 1n, -1n, 10_000n, 123_456n, -5_000n, 2n ** 63n - 1n, -(2n ** 63n)]

export const AGENTS = ['x', 'y'].map((id) => new Entity('Agent', id))
export const GROUPS = ['read', 'write', 'effect'].map((id) => new Entity('Action', id))
export const ACTIONS = ['u/get', 'u/put', 'v/put'].map((id) => new Entity('Action', id))
export const UPSTREAMS = ['u', 'v'].map((id) => new Entity('Upstream', id))
export const ENVIRONMENTS = ['test', 'u'].map((id) => new Entity('Environment', id))
export const TEAMS = ['x', 'all'].map((id) => new Entity('Team', id))
/** Named by policies, and known to nobody. */
export const STRANGERS = [new Entity('Agent', 'nobody'), new Entity('Upstream', 'u"\\'), new Entity('Team', 'y')]
export const ENTITIES: readonly Entity[] = [
  ...AGENTS,
  ...GROUPS,
  ...ACTIONS,
  ...UPSTREAMS,
  ...ENVIRONMENTS,
  ...TEAMS,
  ...STRANGERS,
]
export const ATTRIBUTES: readonly string[] = [
  'owner',
  'level',
  'n',
  'm',
  's',
  't',
  'd',
  'e',
  'list',
  'r',
  'b',
  'we ird',
  'é',
  'zz',
]

export type Universe = ReadonlyMap<string, EntityData>

export function universe(random: Random): Universe {
  const entities = new Map<string, EntityData>()
  const put = (entity: Entity, parents: readonly Entity[], attributes = new Map<string, Value>()) => {
    const ancestors = parents.flatMap(({ key }) => [key, ...(entities.get(key)?.ancestors ?? [])])
    entities.set(entity.key, { attributes, ancestors: new Set(ancestors) })
  }
  const [x, all] = TEAMS
  const [read, write, effect] = GROUPS
  if (!x || !all || !read || !write || !effect) throw new RangeError('a small world')
  for (const each of [all, ...ENVIRONMENTS, ...GROUPS]) put(each, [])
  put(x, random.some([all], 0.7))
  for (const agent of AGENTS) {
    const attributes = new Map<string, Value>([
      ['owner', random.pick(TEXTS)],
      ['level', random.pick(LONGS)],
    ])
    if (random.chance(0.5)) attributes.set('r', recordOf(random))
    put(agent, random.some([x], 0.6), attributes)
  }
  for (const [index, upstream] of UPSTREAMS.entries()) put(upstream, ENVIRONMENTS.slice(index, index + 1))
  for (const action of ACTIONS) put(action, action.id.endsWith('get') ? [read] : [write, effect])
  // Cedar parses every entity on every call, which is most of the time that a test takes: leave out what adds little.
  const rare = new Set([...TEAMS, ...ENVIRONMENTS, ...GROUPS].map(({ key }) => key))
  return new Map([...entities].filter(([key]) => random.chance(rare.has(key) ? 0.15 : 0.7)))
}

export function request(random: Random, entities: Universe): Request {
  const action = random.pick(ACTIONS)
  const upstream = UPSTREAMS.find(({ id }) => action.id.startsWith(id)) ?? random.pick(UPSTREAMS)
  return { principal: random.pick(AGENTS), action, resource: upstream, context: contextOf(random), entities }
}

function contextOf(random: Random): ReadonlyMap<string, Value> {
  const all: readonly [string, Value][] = [
    ['b', random.chance(0.5)],
    ['n', random.pick(LONGS)],
    ['m', random.pick(LONGS)],
    ['s', random.pick(TEXTS)],
    ['t', random.pick(TEXTS)],
    ['d', new Decimal(random.pick(DECIMAL_UNITS))],
    ['e', random.pick(ENTITIES)],
    [
      'list',
      new CedarSet(random.some<Value>([...TEXTS.slice(0, 4), ...LONGS.slice(0, 3), random.pick(ENTITIES)], 0.3)),
    ],
    ['r', recordOf(random)],
    ['we ird', random.pick(TEXTS)],
    ['é', random.pick(LONGS)],
  ]
  return new Map(random.some(all, 0.93))
}

function recordOf(random: Random): ReadonlyMap<string, Value> {
  const inner = new Map<string, Value>([
    ['n', random.pick(LONGS)],
    ['s', random.pick(TEXTS)],
  ])
  const all: readonly [string, Value][] = [
    ['n', random.pick(LONGS)],
    ['s', random.pick(TEXTS)],
    ['r', inner],
    ['é', true],
  ]
  return new Map(random.some(all, 0.8))
}

import { chmodSync, type Dirent, lstatSync, mkdirSync, opendirSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { failedWith } from '../../model/host/system-error.ts'
import {
  type EnvironmentName,
  isJsonObject,
  type Json,
  NAME_PATTERN,
  ok,
  type Problem,
  type Result,
  type TenantName,
} from '../../model/index.ts'
import type { BundledPolicy, PolicyBundle } from '../../policy/index.ts'
import { openState, type State } from './state.ts'
import { inPart, isOthers } from './state-part.ts'
import { hasBegun, storesOf } from './stores.ts'

/** Returns where a tenant's state is kept: ledger, witness, workspaces, answers and uids are nobody else's. */
export function tenantState(stateDirectory: string, tenant: TenantName | undefined): string {
  return tenant === undefined ? stateDirectory : join(stateDirectory, 'tenants', tenant)
}

/**
 * Opens the state of an environment's tenant. Whoever is not the warden's user cannot pass into it: services start inside.
 * Refused where a tenant of whom nothing has run cannot be told whether all were contained.
 */
export function openTenantState(
  config: Config,
  environment: EnvironmentName,
  stateDirectory: string,
  root: boolean,
): Result<State, string> {
  const tenant = tenantOf(config, environment)
  const own = tenantState(stateDirectory, tenant)
  if (tenant !== undefined) {
    mkdirSync(dirname(own), { recursive: true, mode: 0o711 })
    mkdirSync(own, { recursive: true })
    chmodSync(own, 0o700)
    // A tenant of whom nothing has run when all were contained.
    const begun = hasBegun(own) ? ok(undefined) : beginFenced(own, stateDirectory)
    if (!begun.ok) return begun
  }
  const others = statesIn(stateDirectory).filter((other) => other !== own)
  return ok(openState(own, root, Math.random, others))
}

/** Makes a tenant's fence with the last order to all, where there was one. */
function beginFenced(own: string, stateDirectory: string): Result<void, string> {
  const around = storesOf(stateDirectory).fences.everybody()
  if (!around.ok) return around
  if (around.value !== undefined) storesOf(own).fences.make(around.value)
  return ok(undefined)
}

/** Returns a state, and those of its tenants: of another user's, what is no link, and no more of them than `OTHERS_MAX`. */
export function statesIn(stateDirectory: string): readonly string[] {
  return [stateDirectory, ...tenantsIn(stateDirectory).map((name) => join(stateDirectory, 'tenants', name))]
}

/** The states that an order reaches: whatever has become of `tenants`, the state itself is one. */
export interface ReachedStates {
  readonly states: readonly string[]
  /** The reason why there may be more of them; absent where there are none. */
  readonly leftOut?: string
}

/** Returns what `statesIn` does, and throws nothing: an order goes to what there is, and says why that may not be all. */
export function statesReached(stateDirectory: string): ReachedStates {
  try {
    const states = statesIn(stateDirectory)
    if (states.length <= OTHERS_MAX || !isOthers(stateDirectory)) return { states }
    return { states, leftOut: `no more than ${OTHERS_MAX} tenants of another user's state are looked at` }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { states: [stateDirectory], leftOut: `the tenants of ${stateDirectory} cannot be listed: ${why}` }
  }
}

function tenantsIn(stateDirectory: string): readonly string[] {
  const others = isOthers(stateDirectory)
  return inPart(stateDirectory, 'tenants', (tenants) => {
    // A file of that name holds no tenant.
    const stat = others ? lstatSync : statSync
    if (stat(tenants, { throwIfNoEntry: false })?.isDirectory() !== true) return []
    if (!others) return readdirSync(tenants).filter((name) => NAME_PATTERN.test(name))
    return firstIn(tenants, OTHERS_MAX, (entry) => entry.isDirectory() && NAME_PATTERN.test(entry.name))
  })
}

/** Returns the names of the first entries of a directory that are meant, however many there are. */
function firstIn(directory: string, max: number, isMeant: (entry: Dirent) => boolean): readonly string[] {
  const names: string[] = []
  const opened = opendirSync(directory)
  try {
    for (let entry = opened.readSync(); entry !== null && names.length < max; entry = opened.readSync())
      if (isMeant(entry)) names.push(entry.name)
  } finally {
    opened.closeSync()
  }
  return names
}

/** Tenants of another user's state that root's orders reach: more than a configuration has, and done in seconds. */
const OTHERS_MAX = 1_024

/**
 * Returns the states in which a doctor tries what a state's configuration would start: they lie beside it, and are
 * the state's owner's, this user's or root's. None where this user may not look: whoever tries something could not have
 * made one there.
 */
export function trialsOf(stateDirectory: string): readonly string[] {
  const [parent, prefix] = [dirname(stateDirectory), `${basename(stateDirectory)}${TRIAL}`]
  try {
    const owners = [0, process.geteuid?.(), statSync(stateDirectory, { throwIfNoEntry: false })?.uid]
    const names = readdirSync(parent).filter((name) => {
      const stat = name.startsWith(prefix) ? lstatSync(join(parent, name), { throwIfNoEntry: false }) : undefined
      return stat?.isDirectory() === true && owners.includes(stat.uid)
    })
    return names.flatMap((name) => statesReached(join(parent, name)).states)
  } catch (error) {
    if (failedWith(error, 'EACCES', 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/** The text between the name of a state and the rest of the name of its trial. */
export const TRIAL = '.try-'

export function tenantOf(config: Config, environment: EnvironmentName): TenantName | undefined {
  return config.environments.get(environment)?.tenant
}

/** A tenant's own policies speak of nothing that is another's. */
export function tenantProblems(config: Config, { policies }: PolicyBundle): Problem[] {
  const files = new Map(config.policies.map(({ file, tenant }) => [file, tenant]))
  return policies.flatMap(({ source, json }) => {
    const tenant = files.get(source.file)
    if (tenant === undefined) return []
    return entitiesIn(json).flatMap((entity): Problem[] => {
      const home = homeOf(config, entity)
      if (home === undefined || home === tenant) return []
      const message = `a policy of tenant "${tenant}" speaks of ${entity.type}::"${entity.id}", which is of tenant "${home}"`
      return [{ source, message, expected: 'what is its own; what is for all stands in the policies of no tenant' }]
    })
  })
}

/** Returns what the gateway of one tenant's environment is told of policies: everybody's, and its own. */
export function policiesOf(config: Config, bundle: PolicyBundle, tenant: TenantName | undefined): PolicyBundle {
  if (tenant === undefined) return bundle
  const files = new Map(config.policies.map(({ file, tenant: whose }) => [file, whose]))
  const isOwn = (environment: EnvironmentName | undefined) =>
    environment !== undefined && tenantOf(config, environment) === tenant
  const holders = [
    ...[...config.agents.values()].filter(({ environment }) => isOwn(environment)),
    ...[...config.environments.values()].flatMap(({ name, undo }) => (undo && isOwn(name) ? [undo] : [])),
  ]
  const grants = new Set(
    holders.flatMap((holder) => holder.grants.map(({ source }) => `${source.line}:${source.column}`)),
  )
  const kept = ({ source, grant }: Pick<BundledPolicy, 'source' | 'grant'>) =>
    grant === undefined
      ? files.get(source.file) === undefined || files.get(source.file) === tenant
      : grants.has(`${source.line}:${source.column}`)
  return {
    policies: bundle.policies.filter(kept),
    actions: Object.fromEntries(
      Object.entries(bundle.actions).filter(([, { upstream }]) => isOwn(bundle.upstreams[upstream])),
    ),
    upstreams: Object.fromEntries(Object.entries(bundle.upstreams).filter(([, environment]) => isOwn(environment))),
    waiting: bundle.waiting.filter(({ source }) =>
      files.has(source.file) ? kept({ source }) : grants.has(`${source.line}:${source.column}`),
    ),
  }
}

interface Named {
  readonly type: string
  readonly id: string
}

function homeOf(config: Config, { type, id }: Named): TenantName | undefined {
  const upstream =
    type === 'Upstream' ? id : type === 'Action' && id.includes('/') ? id.slice(0, id.indexOf('/')) : undefined
  const environment =
    type === 'Environment'
      ? id
      : type === 'Agent'
        ? [...config.agents.values()].find(({ name }) => name === id)?.environment
        : [...config.upstreams.values()].find(({ name }) => name === upstream)?.environment
  return [...config.environments.values()].find(({ name }) => name === environment)?.tenant
}

function entitiesIn(json: Json | undefined): readonly Named[] {
  if (typeof json !== 'object' || json === null) return []
  if (isJsonObject(json) && typeof json.type === 'string' && typeof json.id === 'string')
    return [{ type: json.type, id: json.id }]
  return Object.values(json).flatMap(entitiesIn)
}

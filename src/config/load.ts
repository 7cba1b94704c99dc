import { realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import {
  type AgentName,
  type EnvironmentName,
  environmentName,
  no,
  ok,
  type Problem,
  personName,
  type Result,
  tenantName,
  type UpstreamName,
} from '../model/index.ts'
import type { Config, Environment, UndoConfig, UpstreamConfig } from './config.ts'
import { plantedProblems, readContainment, withPlanted } from './containment.ts'
import { placeProblems } from './places.ts'
import { readAgents } from './read/agents.ts'
import { FilesBeside } from './read/file-beside.ts'
import { checkApprover, readGrant } from './read/grants.ts'
import { type Judge, report } from './read/judge.ts'
import { withObserved } from './read/observed.ts'
import { readPolicies } from './read/policies.ts'
import { checkSecretsHaveOneHome, readSecrets } from './read/secrets.ts'
import { undoGrantProblems } from './read/undo.ts'
import { readUpstreams } from './read/upstreams.ts'
import { configShape, type ShapedEnvironment } from './schema.ts'
import { sharedWorkspaces, tenantHomes } from './tenants.ts'
import { readYamlText, yamlTextOf } from './yaml.ts'

/**
 * Reads and judges a configuration. Everything wrong with it is reported at once, each with its line; nothing wrong is
 * repaired, and no part of a configuration with a problem is used.
 *
 * @param variables what `${node}` stands for: the Node that runs Firebreak.
 * @param proposed what would stand in the file, to be judged in its place; nothing is written.
 * @param observed the agent of a run that is observed, which gets what its environment lets it have for that.
 */
export async function loadConfig(
  file: string,
  variables: { readonly node: string },
  proposed?: string,
  observed?: AgentName,
): Promise<Result<Config, readonly Problem[]>> {
  const problems: Problem[] = []
  const text = yamlTextOf(file, problems, proposed)
  const shaped = text === undefined ? undefined : readYamlText(file, text, configShape, problems)
  if (text === undefined || shaped === undefined) return no(problems)
  const real = realPath(file)
  if (real === undefined) {
    const source = { file: basename(file), line: 1, column: 1 }
    const message = 'its path cannot be followed: the name of a directory above it is not UTF-8'
    return no([{ source, message, expected: 'a configuration in directories whose names are UTF-8' }])
  }
  const judge: Judge = { file: real, shaped, variables, problems, beside: new FilesBeside(dirname(real)) }
  const policies = readPolicies(judge)
  const upstreams = readUpstreams(judge)
  const containment = readContainment(shaped.containment, upstreams, (problem) => problems.push(problem))
  const agents = readAgents(judge, upstreams)
  problems.push(...plantedProblems(agents, containment.decoys))
  const config: Config = {
    file: judge.file,
    text,
    directory: dirname(judge.file),
    profile: shaped.profile ?? 'full',
    tenants: new Set([...(shaped.tenants?.keys() ?? [])].map(tenantName)),
    environments: readEnvironments(judge, upstreams),
    upstreams,
    agents: withPlanted(agents, containment.decoys),
    policies,
    containment,
    secrets: readSecrets(judge),
  }
  problems.push(...placeProblems(config), ...sharedWorkspaces(config))
  checkSecretsHaveOneHome(judge, config)
  return problems.length > 0 ? no(problems) : ok(withObserved(config, observed))
}

/** Returns the path without links; undefined where Node cannot write it, since its names are not UTF-8. */
function realPath(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}

function readEnvironments(
  judge: Judge,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): ReadonlyMap<EnvironmentName, Environment> {
  const { tenants, environments } = judge.shaped
  const homes = tenantHomes(tenants ?? new Map(), environments, (problem) => judge.problems.push(problem))
  return new Map(
    [...environments].map(([key, { value, source }]) => {
      const { hardened = false, observe = false, egress = [] } = value
      if (hardened && observe)
        report(judge, source, `"hardened" and "observe" of environment "${key}" exclude each other`, 'one of them')
      const name = environmentName(key)
      const tenant = homes.get(key)
      const undo = value.undo && readUndo(judge, value.undo, name, upstreams)
      return [name, { name, hardened, observe, egress, ...(tenant && { tenant }), ...(undo && { undo }) }]
    }),
  )
}

function readUndo(
  judge: Judge,
  { owner, grants }: NonNullable<ShapedEnvironment['undo']>,
  environment: EnvironmentName,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): UndoConfig {
  for (const grant of grants) checkApprover(judge, grant, { owner, environment }, upstreams)
  const undo = {
    owner: personName(owner),
    grants: grants.map((grant) => readGrant(judge, grant, environment, upstreams)),
  }
  judge.problems.push(...undoGrantProblems(undo, upstreams))
  return undo
}

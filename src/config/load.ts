import { realpathSync } from 'node:fs'
import { basename, dirname, relative, resolve } from 'node:path'
import { readPlain } from '../model/host/plain-file.ts'
import {
  type AgentName,
  agentName,
  amountText,
  type Budget,
  budgetText,
  type DeclaredTool,
  type EnvironmentName,
  environmentName,
  grantedName,
  hasStrayPlaceholder,
  type JsonPath,
  jsonPath,
  type Label,
  maximum,
  no,
  ok,
  type Problem,
  personName,
  placeholdersIn,
  type Result,
  type Source,
  sameKind,
  samePerson,
  type ToolName,
  tenantName,
  UNTRUSTED,
  type UpstreamName,
  upstreamName,
} from '../model/index.ts'
import type {
  Agent,
  CellConfig,
  Config,
  Environment,
  GrantConfig,
  HttpServer,
  PolicyFile,
  SecretSource,
  StdioServer,
  UndoConfig,
  UpstreamConfig,
} from './config.ts'
import { plantedProblems, readContainment, withPlanted } from './containment.ts'
import { knownNames } from './known-names.ts'
import { labelsAtStart } from './labels.ts'
import { placeProblems } from './places.ts'
import { policyFiles, STEPS_MAX } from './policy-files.ts'
import {
  configShape,
  type ShapedAgent,
  type ShapedCell,
  type ShapedConfig,
  type ShapedEnvironment,
  type ShapedTool,
  type ShapedUpstream,
} from './schema.ts'
import { injectedTexts, secretsOf } from './secret-names.ts'
import type { Written } from './shape.ts'
import { sharedWorkspaces, tenantHomes } from './tenants.ts'
import { checkFrom, undoFrom, undoGrantProblems, undoProblems } from './undo.ts'
import { wayBack } from './way-back.ts'
import { readYaml } from './yaml.ts'

/**
 * Reads and judges a configuration. Everything wrong with it is reported at once, each with its line; nothing wrong is
 * repaired, and no part of a configuration with a problem is used.
 *
 * @param variables what `${node}` stands for: the Node that runs Firebreak.
 * @param proposed what would stand in the file, to be judged in its place; nothing is written.
 */
export async function loadConfig(
  file: string,
  variables: { readonly node: string },
  proposed?: string,
): Promise<Result<Config, readonly Problem[]>> {
  const problems: Problem[] = []
  const shaped = readYaml(file, configShape, problems, proposed)
  if (shaped === undefined) return no(problems)
  const real = realPath(file)
  if (real === undefined) {
    const source = { file: basename(file), line: 1, column: 1 }
    const message = 'its path cannot be followed: the name of a directory above it is not UTF-8'
    return no([{ source, message, expected: 'a configuration in directories whose names are UTF-8' }])
  }
  const judge: Judge = { file: real, shaped, variables, problems }
  const policies = readPolicies(judge)
  const upstreams = readUpstreams(judge)
  const containment = readContainment(shaped.containment, upstreams, (problem) => problems.push(problem))
  const agents = readAgents(judge, upstreams)
  problems.push(...plantedProblems(agents, containment.decoys))
  const config: Config = {
    file: judge.file,
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
  return problems.length > 0 ? no(problems) : ok(config)
}

/** Returns the path without links; undefined where Node cannot write it, since its names are not UTF-8. */
function realPath(file: string): string | undefined {
  try {
    return realpathSync(file)
  } catch {
    return undefined
  }
}

interface Judge {
  readonly file: string
  readonly shaped: ShapedConfig
  readonly variables: { readonly node: string }
  readonly problems: Problem[]
}

function readEnvironments(
  judge: Judge,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): ReadonlyMap<EnvironmentName, Environment> {
  const { tenants, environments } = judge.shaped
  const homes = tenantHomes(tenants ?? new Map(), environments, (problem) => judge.problems.push(problem))
  return new Map(
    [...environments].map(([key, { value }]) => {
      const { hardened = false, egress = [] } = value
      const name = environmentName(key)
      const tenant = homes.get(key)
      const undo = value.undo && readUndo(judge, value.undo, name, upstreams)
      return [name, { name, hardened, egress, ...(tenant && { tenant }), ...(undo && { undo }) }]
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

function readUpstreams(judge: Judge): ReadonlyMap<UpstreamName, UpstreamConfig> {
  const upstreams = new Map<UpstreamName, UpstreamConfig>()
  for (const [key, { value, source }] of judge.shaped.upstreams ?? []) {
    if (key === 'firebreak') report(judge, source, 'the name "firebreak" is the gateway’s own', 'another name')
    const mcp = readServer(judge, value.mcp, source)
    if (!judge.shaped.environments.has(value.environment)) {
      report(
        judge,
        source,
        `environment "${value.environment}" of upstream "${key}" is not declared`,
        namesOf(judge.shaped.environments),
      )
    }
    if (mcp === undefined) continue
    const upstream: UpstreamConfig = {
      name: upstreamName(key),
      environment: environmentName(value.environment),
      mcp,
      tools: readTools(judge, value, source),
      relay: value.relay ?? false,
      source,
    }
    upstreams.set(upstream.name, upstream)
    checkRelay(judge, key, value, source)
  }
  return upstreams
}

/** A relay is contained in a cell of ours, or a person says that it is not. */
function checkRelay(judge: Judge, key: string, { relay, remote, mcp }: ShapedUpstream, source: Source): void {
  if (remote !== undefined && (relay !== true || mcp.url === undefined)) {
    report(judge, source, `"remote" of "${key}" goes with "relay: true" and a url`)
  } else if (relay === true && mcp.url !== undefined && remote === undefined) {
    const message = `"${key}" is a relay somewhere else: what it reaches on a cell’s word, no wall of this environment holds`
    report(judge, source, message, 'a command, so that it runs in a cell without other network; or remote: accepted')
  }
}

function readServer(judge: Judge, mcp: ShapedUpstream['mcp'], source: Source): StdioServer | HttpServer | undefined {
  if ((mcp.command === undefined) === (mcp.url === undefined)) {
    return report(judge, source, 'an MCP server has either a command or a url', 'exactly one of them')
  }
  if (mcp.url !== undefined) {
    if (mcp.cell !== undefined || mcp.shared !== undefined)
      return report(judge, source, '"cell" and "shared" go with "command"')
    if (mcp.url.username !== '' || mcp.url.password !== '')
      return report(judge, source, 'a credential in a URL', 'a header with ${secret:name}')
    const headers = mcp.headers ?? new Map<string, string>()
    const ca = mcp.ca === undefined ? {} : { ca: resolve(dirname(judge.file), mcp.ca) }
    const server: HttpServer = { kind: 'http', url: mcp.url, headers, ...ca }
    checkPlaceholders(judge, server, source)
    if (secretsOf(server).length > 0 && mcp.url.protocol !== 'https:' && !isLoopback(mcp.url.hostname)) {
      return report(
        judge,
        source,
        `a secret would travel in the clear to ${mcp.url.host}`,
        'https, or a loopback address',
      )
    }
    if (mcp.ca !== undefined && mcp.url.protocol !== 'https:')
      return report(judge, source, '"ca" goes with an https url: nothing else is signed')
    return server
  }
  if (mcp.headers !== undefined || mcp.ca !== undefined)
    return report(judge, source, '"headers" and "ca" go with "url"')
  const command = mcp.command ?? []
  if (command.length === 0) return report(judge, source, 'an empty command', 'a program and its arguments')
  if (placeholdersIn(command[0] ?? '').length > 0)
    return report(judge, source, 'a program that a secret names', 'secrets in its arguments, or in cell.env')
  for (const key of ['checkpoints', 'commit'] as const) {
    const found = mcp.cell?.[key]
    if (found !== undefined) report(judge, found.source, `"${key}" of an upstream’s cell`, `${key} in an agent’s cell`)
  }
  const cell = readCell(judge, mcp.cell, source)
  const server: StdioServer = { kind: 'stdio', command, cell, shared: mcp.shared ?? false }
  checkPlaceholders(judge, server, source)
  return server
}

/** Reports texts that only look like `${secret:name}`: nothing fills them in, and their author meant something else. */
function checkPlaceholders(judge: Judge, mcp: StdioServer | HttpServer, source: Source): void {
  for (const { where, text, carrier } of injectedTexts(mcp))
    if (hasStrayPlaceholder(text, carrier))
      report(judge, source, `${where} holds what looks like a secret’s place and is none`, PLACEHOLDER)
}

const PLACEHOLDER = '${secret:name} in just these letters, with a name under "secrets", and in no other one'

/** Tools, and what is granted like a tool: `resource:<uri or template>` and `prompt:<name>`, which only read. */
function readTools(judge: Judge, value: ShapedUpstream, source: Source): ReadonlyMap<ToolName, DeclaredTool> {
  const tools = new Map<ToolName, DeclaredTool>()
  const own = value.timeout === undefined ? {} : { timeoutMs: value.timeout }
  for (const [name, tool] of value.tools ?? []) {
    if (tool.effect === 'spend' && (tool.amount === undefined || tool.currency === undefined)) {
      report(
        judge,
        source,
        `"${name}" spends, but does not say how much`,
        'amount: and currency: paths to its arguments',
      )
    }
    const fault = countingFault(tool)
    if (fault !== undefined) report(judge, source, `"${name}" ${fault.problem}`, fault.expected)
    const granted = grantedName('tool', name)
    tools.set(granted, { ...own, ...declaredTool(granted, tool, value.accepts ?? []) })
  }
  judge.problems.push(...undoProblems(value.tools ?? new Map(), tools))
  const reads = { effect: 'read', accepts: value.accepts ?? [], ...own, ...returnsOfAll(tools) } as const
  for (const name of [
    ...(value.resources ?? []).map((uri) => grantedName('resource', uri)),
    ...(value.prompts ?? []).map((prompt) => grantedName('prompt', prompt)),
  ])
    tools.set(name, { name, ...reads })
  return tools
}

/** A resource or prompt says nothing of its labels, and may hold what any tool of its upstream returns. */
function returnsOfAll(tools: ReadonlyMap<ToolName, DeclaredTool>): Pick<DeclaredTool, 'returns'> {
  const labels = [...tools.values()].flatMap(({ returns = [] }) => returns).flatMap((field) => field.labels)
  const issued = [...new Set(labels)].filter((label) => label !== UNTRUSTED)
  return issued.length === 0 ? {} : { returns: [{ path: [], labels: [UNTRUSTED, ...issued] }] }
}

function countingFault({ effect, rows, maxRows, settles, settlesDown }: ShapedTool) {
  if ((rows === undefined) !== (maxRows === undefined)) {
    return { problem: 'says only half of what is needed to count its rows', expected: 'rows: and maxRows:' }
  }
  if (settles !== undefined && effect !== 'spend') {
    return { problem: 'settles what it does not spend', expected: 'settles: with effect: spend' }
  }
  if (settlesDown !== undefined && settles === undefined && rows === undefined) {
    return { problem: 'has nothing that could settle down', expected: 'settlesDown: with settles: or rows:' }
  }
  return undefined
}

function declaredTool(name: ToolName, tool: ShapedTool, acceptedByAll: readonly Label[]): DeclaredTool {
  const { effect, amount, currency, returns, accepts = [], destinations, content, links, mask } = tool
  const { ids, rows, maxRows, timeout, maxBytes, settles, settlesDown, undo, check } = tool
  return {
    name,
    effect,
    accepts: [...acceptedByAll, ...accepts],
    ...(amount !== undefined && { amount }),
    ...(currency !== undefined && { currency }),
    ...(returns && { returns: [...returns].map(([path, labels]) => ({ path: checkedPath(path), labels })) }),
    ...(ids && { ids }),
    ...(destinations && {
      destinations: [...destinations].map(([path, values]) => ({ path: checkedPath(path), values })),
    }),
    ...(content && { content }),
    ...(links === 'any' && { anyLinks: true }),
    ...(mask && { mask }),
    ...(rows && { rows }),
    ...(maxRows !== undefined && { maxRows }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(settles && { settles }),
    ...(settlesDown !== undefined && { settlesDown }),
    ...(undo && { undo: undoFrom(undo.value) }),
    ...(check && { check: checkFrom(check.value) }),
  }
}

/** The shape has let nothing else through. */
function checkedPath(text: string): JsonPath {
  const path = jsonPath(text)
  if (path === undefined) throw new RangeError(`not a path: ${text}`)
  return path
}

function readAgents(judge: Judge, upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>): ReadonlyMap<AgentName, Agent> {
  const agents = new Map<AgentName, Agent>()
  for (const [key, { value, source }] of judge.shaped.agents) {
    if (key === 'undo') report(judge, source, 'the name "undo" is kept for what compensates', 'another name')
    if (!judge.shaped.environments.has(value.environment.value)) {
      const { value: name, source: place } = value.environment
      report(
        judge,
        place,
        `environment "${name}" of agent "${key}" is not declared`,
        namesOf(judge.shaped.environments),
      )
    }
    const environment = environmentName(value.environment.value)
    const cell = readCell(judge, value.cell, source)
    agents.set(agentName(key), {
      name: agentName(key),
      owner: personName(value.owner),
      environment,
      command: value.command ?? [],
      cell: { ...cell, labels: labelsAtStart(cell, value.command ?? []) },
      grants: (value.grants ?? []).map((grant) => {
        checkApprover(judge, grant, { owner: value.owner, environment }, upstreams)
        return readGrant(judge, grant, environment, upstreams)
      }),
      delegates: readDelegates(judge, value, environment),
      source,
    })
  }
  return agents
}

function readDelegates(judge: Judge, agent: ShapedAgent, environment: EnvironmentName): readonly AgentName[] {
  return (agent.delegates ?? []).map(({ value: name, source }) => {
    const other = judge.shaped.agents.get(name)?.value
    if (other === undefined) report(judge, source, `agent "${name}" is not declared`, namesOf(judge.shaped.agents))
    else if (other.environment.value !== environment) {
      report(judge, source, `agent "${name}" belongs to environment "${other.environment.value}"`, 'one of the same')
    } else if (other.command === undefined) {
      report(judge, source, `agent "${name}" has no command to be started with`, 'command: a program and its arguments')
    }
    return agentName(name)
  })
}

type ShapedGrant = NonNullable<ShapedAgent['grants']>[number]

function readGrant(
  judge: Judge,
  { value, source }: ShapedGrant,
  environment: EnvironmentName,
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): GrantConfig {
  const name = upstreamName(value.upstream.value)
  const upstream = upstreams.get(name)
  if (upstream === undefined) {
    report(
      judge,
      value.upstream.source,
      `upstream "${name}" is not declared`,
      namesOf(judge.shaped.upstreams ?? new Map()),
    )
  } else if (upstream.environment !== environment) {
    const message = `upstream "${name}" belongs to environment "${upstream.environment}", the agent to "${environment}"`
    report(judge, value.upstream.source, message, 'an upstream of the agent’s own environment')
  }
  const named: readonly Written<ToolName>[] = [
    ...(value.tools ?? []).map((tool) => ({ ...tool, value: grantedName('tool', tool.value) })),
    ...(value.resources ?? []).map((uri) => ({ ...uri, value: grantedName('resource', uri.value) })),
    ...(value.prompts ?? []).map((prompt) => ({ ...prompt, value: grantedName('prompt', prompt.value) })),
  ]
  if (named.length === 0)
    report(judge, source, 'a grant that names nothing grants nothing', 'tools:, resources: or prompts:')
  for (const { value: tool, source: place } of named) {
    if (upstream === undefined || upstream.tools.has(tool)) continue
    report(judge, place, `"${tool}" is not declared under upstream "${name}"`, knownNames(upstream.tools.keys()))
  }
  return {
    upstream: name,
    tools: new Set(named.map((tool) => tool.value)),
    ...(value.when === undefined ? {} : { when: value.when }),
    budgets: readBudgets(judge, value.budget, named, upstream, source),
    expiresMs: value.expires,
    ...(value.approver && { approver: personName(value.approver.value) }),
    source,
  }
}

/**
 * Reports a grant in a hardened environment that two people have not agreed to: the agent's owner, and one who is not.
 */
function checkApprover(
  judge: Judge,
  { value, source }: ShapedGrant,
  { owner, environment }: { readonly owner: string; readonly environment: EnvironmentName },
  upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>,
): void {
  if (judge.shaped.environments.get(environment)?.value.hardened !== true) return
  const upstream = upstreams.get(upstreamName(value.upstream.value))
  const acting = value.tools?.find((tool) => {
    const declared = upstream?.tools.get(grantedName('tool', tool.value))
    return declared !== undefined && declared.effect !== 'read'
  })
  const expected = `approver: a person other than the owner, ${owner}`
  if (value.approver !== undefined && samePerson(value.approver.value, owner)) {
    report(
      judge,
      value.approver.source,
      `"${value.approver.value}" owns the agent: nobody approves their own`,
      expected,
    )
  } else if (acting !== undefined && value.approver === undefined) {
    const message = `a grant of "${acting.value}", which has an effect, in the hardened environment "${environment}" names no approver`
    report(judge, source, message, expected)
  }
}

/** A budget that could count nothing, or a share that could never be set aside, is a mistake. */
function readBudgets(
  judge: Judge,
  { calls = [], spend = [], rows = [], bytes = [], task = [] }: ShapedBudget = {},
  named: readonly Written<ToolName>[],
  upstream: UpstreamConfig | undefined,
  source: Source,
): readonly Budget[] {
  for (const [i, share] of task.entries()) {
    const text = amountText(share, maximum(share))
    if (task.slice(0, i).some((other) => sameKind(share, other))) {
      report(judge, source, `a second share of the same kind: ${text}`, 'one for each kind and currency')
    }
    for (const budget of [...calls, ...spend, ...rows, ...bytes]) {
      if (!sameKind(share, budget) || maximum(share) <= maximum(budget)) continue
      report(judge, source, `a share of ${text} can never be set aside from ${budgetText(budget)}`, 'a smaller share')
    }
  }
  const countsRows = rows.length > 0 || task.some(({ kind }) => kind === 'rows')
  for (const { value: tool, source: place } of countsRows ? named : []) {
    if (upstream?.tools.has(tool) !== true || upstream.tools.get(tool)?.rows !== undefined) continue
    report(
      judge,
      place,
      `nothing says how many rows "${tool}" returns, and this grant counts them`,
      'rows: and maxRows: under the tool, or a grant of its own',
    )
  }
  return [...calls, ...spend, ...rows, ...bytes, ...task]
}

type ShapedBudget = NonNullable<ShapedGrant['value']['budget']>

function readCell(judge: Judge, cell: ShapedCell | undefined, source: Source): CellConfig {
  const at = (path: string) => resolve(dirname(judge.file), path)
  const files = new Map<string, string>()
  for (const [place, path] of cell?.files ?? []) {
    files.set(place, path === '${node}' ? judge.variables.node : at(path))
    if (/\$\{(?!node\})/.test(path))
      report(judge, source, `unknown variable in "${path}"`, '${node}, the Node that runs Firebreak')
  }
  return {
    ...(cell?.driver !== undefined && { driver: cell.driver }),
    ...(cell?.root === undefined ? {} : { root: at(cell.root) }),
    ...(cell?.workspace === undefined ? {} : { workspace: at(cell.workspace) }),
    ...(cell?.hide !== undefined && { hide: cell.hide }),
    labels: cell?.labels ?? [],
    labelled: cell?.labels !== undefined,
    files,
    ...(cell?.cwd === undefined ? {} : { cwd: cell.cwd }),
    env: cell?.env ?? new Map(),
    cpu: cell?.cpu ?? 1,
    memoryBytes: cell?.memory ?? 1_073_741_824,
    pids: cell?.pids ?? 128,
    ...(cell?.io === undefined ? {} : { ioBytesPerSecond: cell.io }),
    wallMs: cell?.wall ?? 7_200_000,
    ...(cell && wayBack(cell, judge.shaped.profile, (problem) => judge.problems.push(problem))),
  }
}

function readPolicies(judge: Judge): readonly PolicyFile[] {
  const files: PolicyFile[] = []
  const steps = { left: STEPS_MAX }
  const directory = dirname(judge.file)
  const own = [...(judge.shaped.tenants ?? [])].flatMap(([tenant, { value }]) =>
    (value.policies ?? []).map((pattern) => ({ ...pattern, tenant: tenantName(tenant) })),
  )
  for (const { value: pattern, source, tenant } of [...everybodys(judge.shaped.policies), ...own]) {
    const found = policyFiles(pattern, directory, steps)
    if (!found.ok) {
      report(judge, source, `"${pattern}": ${found.reason}`)
      if (steps.left < 0) break
      continue
    }
    if (found.value.length === 0)
      report(
        judge,
        source,
        `no file matches "${pattern}"`,
        'at least one Cedar file: a pattern that matches nothing forbids nothing',
      )
    for (const match of found.value) {
      const file = relative(directory, resolve(directory, match))
      const other = files.find((each) => each.file === file && each.tenant !== tenant)
      if (other !== undefined) {
        const whose = other.tenant === undefined ? 'everybody’s' : `of tenant "${other.tenant}"`
        report(judge, source, `"${file}" is ${whose} already`, 'policies of one tenant only')
      }
      // A pipe would hold whoever reads the configuration in order to stop what runs by it.
      const read = readPlain(resolve(directory, match), POLICY_BYTES_MAX)
      if (!read.ok) report(judge, source, `"${match}" cannot be read: ${read.reason.problem}`)
      else if (!read.value.whole) report(judge, source, `"${match}" has more than ${POLICY_BYTES_MAX} bytes`)
      else files.push({ ...(tenant && { tenant }), file, text: read.value.bytes.toString('utf8') })
    }
  }
  return files
}

/** Bytes of a policy at most, as many as of the configuration itself. */
const POLICY_BYTES_MAX = 1_048_576

function everybodys(policies: ShapedConfig['policies']): readonly (Written<string> & { tenant?: undefined })[] {
  return (policies ?? []).map(({ value, source }) => ({ value, source }))
}

function readSecrets(judge: Judge): ReadonlyMap<string, SecretSource> {
  const secrets = new Map<string, SecretSource>()
  for (const [name, { value, source }] of judge.shaped.secrets ?? []) {
    const { env, file, command, every } = value
    const again = every === undefined ? {} : { everyMs: every }
    if ([env, file, command].filter((each) => each !== undefined).length !== 1) {
      report(judge, source, `secret "${name}" has either env, file or command`, 'exactly one of them')
    } else if (env !== undefined) {
      if (every !== undefined) report(judge, source, `secret "${name}": an environment does not change`, 'no every:')
      secrets.set(name, { kind: 'env', variable: env })
    } else if (file !== undefined) {
      secrets.set(name, { kind: 'file', path: resolve(dirname(judge.file), file), ...again })
    } else if (command?.[0] !== undefined && command[0] !== '')
      secrets.set(name, { kind: 'command', command, ...again })
    else report(judge, source, `secret "${name}" has an empty command`, 'a program and its arguments')
  }
  return secrets
}

/** S6: a secret that two environments could use would be a wire between them. */
function checkSecretsHaveOneHome(judge: Judge, config: Config): void {
  const homes = new Map<string, EnvironmentName>()
  for (const upstream of config.upstreams.values()) {
    for (const name of secretsOf(upstream.mcp)) {
      if (!config.secrets.has(name)) {
        report(judge, upstream.source, `secret "${name}" is not declared`, namesOf(config.secrets))
        continue
      }
      const home = homes.get(name)
      if (home !== undefined && home !== upstream.environment) {
        report(
          judge,
          upstream.source,
          `secret "${name}" belongs to environment "${home}" already`,
          'a secret in one environment only',
        )
      }
      homes.set(name, upstream.environment)
    }
  }
  const sources = new Map<string, string>()
  for (const [name, home] of homes) {
    const from = JSON.stringify({ ...config.secrets.get(name), everyMs: undefined })
    const other = sources.get(from)
    sources.set(from, name)
    if (other === undefined || homes.get(other) === home) continue
    const message = `secret "${name}" is read from where "${other}" of environment "${homes.get(other)}" is`
    const source = judge.shaped.secrets?.get(name)?.source
    report(judge, source ?? { file: basename(judge.file), line: 1, column: 1 }, message, 'a secret of its own')
  }
  for (const agent of config.agents.values()) {
    const given = [...agent.command, ...agent.cell.env.values()]
    const [used] = given.flatMap((text) => placeholdersIn(text))
    if (used !== undefined || given.some((text) => hasStrayPlaceholder(text)))
      report(
        judge,
        agent.source,
        `secret "${used?.name ?? ''}" in an agent's cell`,
        'secrets only under upstreams: they never enter an agent’s cell',
      )
  }
}

/** Hosts that never leave the machine, by address: a name can be made to resolve anywhere. */
export function isLoopback(hostname: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(hostname) || hostname === '[::1]'
}

function report(judge: Judge, source: Source, message: string, expected?: string): undefined {
  judge.problems.push({ source, message, ...(expected === undefined ? {} : { expected }) })
  return undefined
}

function namesOf(map: ReadonlyMap<string, unknown>): string {
  return map.size === 0 ? 'one that is declared, and none is' : knownNames(map.keys())
}

import type { Ability, HostReport } from '../../cells/abilities.ts'
import { calledOn, isAnswerRead, isDocumented } from '../../config/called-on.ts'
import type { Agent, Config, UpstreamConfig } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { urlsOf } from '../../config/server-urls.ts'
import { egressOf } from '../../host/prepare/catalogue.ts'
import type { Judged } from '../../host/prepare/setup.ts'
import { type DeclaredTool, type EnvironmentName, samePerson, UNTRUSTED } from '../../model/index.ts'
import { type Demand, holds, listed, look, missing } from './demand.ts'
import { budgetDemands, grantsOf, priceDemands } from './demands-charged.ts'
import { startDemands, tunnelDemands } from './demands-start.ts'
import { launchDemands, offeredDemands, ownerOf, unfitDemands } from './demands-tried.ts'
import type { Survey } from './findings.ts'

export type { Demand } from './demand.ts'

/**
 * Returns the demands of a configuration, those that are missing first. Pure but for programs, which are looked up
 * where cells would see them.
 */
export function demandsOf(judged: Judged, survey: Survey): readonly Demand[] {
  const { config } = judged
  const all = [
    ...profileDemands(config, survey.report),
    ...[...config.agents.values()].flatMap((agent) => agentDemands(config, agent, survey)),
    ...[...config.upstreams.values()].flatMap((upstream) => upstreamDemands(judged, upstream, survey)),
    ...[...config.environments.keys()].flatMap((name) => environmentDemands(config, name, survey)),
    ...secretDemands(config, survey),
    ...recordDemands(config),
    ...policyDemands(config, survey),
  ]
  const order = ['missing', 'look', 'holds'] as const
  return all.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
}

function profileDemands({ profile, agents, upstreams }: Config, report: HostReport): readonly Demand[] {
  const about = `profile ${profile}`
  if (report.profile === undefined)
    return [missing(about, 'no cell can be started here', 'see the lines with NO above')]
  const root = report.findings.find(({ ability }) => ability === 'root')
  if (profile === 'full' && root?.holds !== true)
    return [missing(about, `it needs root, and ${root?.why ?? 'there is none'}`, root?.fix ?? 'run it as root')]
  const stdio = [...upstreams.values()].flatMap(({ server }) => (server.kind === 'stdio' ? [server.cell] : []))
  const cells = [...agents.values()].map(({ cell }) => cell).concat(stdio)
  const needed: readonly Ability[] = [
    ...(['cgroup-freeze', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'] as const),
    ...(cells.some(({ workspace }) => workspace !== undefined)
      ? (['overlay', 'owner-map', 'disk-images'] as const)
      : []),
    ...(cells.some(({ ioBytesPerSecond }) => ioBytesPerSecond !== undefined) ? (['cgroup-io'] as const) : []),
  ]
  const lacking = report.findings.filter(({ ability, holds: has }) => needed.includes(ability) && !has)
  if (lacking.length === 0) return [holds(about, 'this host can enforce every limit that is asked for')]
  return lacking.map(({ ability, why, fix = 'another host' }) =>
    profile === 'full'
      ? missing(`${about}: ${ability}`, `${why}: no cell starts without it`, fix)
      : look(`${about}: ${ability}`, `${why}: cells start without this limit`, fix),
  )
}

function agentDemands(config: Config, agent: Agent, survey: Survey): readonly Demand[] {
  const about = `agent ${agent.name}`
  const { cell, grants, owner } = agent
  const unlimited = grants.filter(({ budgets }) => budgets.length === 0)
  const acts = grants.some(({ upstream, tools }) =>
    [...tools].some((tool) => {
      const declared = config.upstreams.get(upstream)?.tools.get(tool)
      return declared !== undefined && declared.effect !== 'read' && declared.accepts?.includes(UNTRUSTED) !== true
    }),
  )
  return [
    ...startDemands(about, agent.command, cell, config.profile, survey),
    ...launchDemands(about, agent, survey.launches),
    ...tunnelDemands(about, config, agent),
    ...(/@example\.(?:org|com|net)$/.test(owner)
      ? [look(about, `its owner is ${owner}: nobody answers for it`, 'owner: a person')]
      : []),
    ...(grants.length === 0
      ? [look(about, 'it has no grants: it may do nothing', 'grants: upstream, tools, expires')]
      : []),
    ...(unlimited.length > 0
      ? [
          look(
            about,
            `${unlimited.length} of its ${grants.length} grants have no budget: calls without limit`,
            'budget: { calls: 60/min }',
          ),
        ]
      : []),
    ...(acts && cell.labels.includes(UNTRUSTED)
      ? [
          look(
            about,
            'its workspace is untrusted: for effects that do not accept that, a person is always asked',
            'cell: { labels: [] } if nobody outside can write its files; or accepts: [untrusted] under the tool',
          ),
        ]
      : []),
  ]
}

function upstreamDemands(judged: Judged, upstream: UpstreamConfig, survey: Survey): readonly Demand[] {
  const { config, accepted } = judged
  const { name, server, tools, relay } = upstream
  const about = `upstream ${name}`
  const declared = [...tools.values()]
  const own = accepted.get(name)
  const { unfit, demands: unfitted } = unfitDemands(about, judged, upstream, survey.offered)
  const unaccepted = declared.filter(
    (tool) => !tool.name.startsWith('resource:') && own?.has(tool.name) !== true && !unfit.has(tool.name),
  )
  // What is asked of an origin has no definition but its name, where no document describes it.
  const isAccepted = server.kind !== 'origin' || isDocumented(upstream)
  const granted = new Set(grantsOf(config, upstream).flatMap((grant) => [...grant.tools]))
  const used = declared.filter((tool) => granted.has(tool.name))
  const unlabelled = used.filter((tool) => tool.returns === undefined)
  const leading = used.filter(
    (tool) => tool.effect !== 'read' && tool.destinations === undefined && tool.content === undefined,
  )
  return [
    ...(server.kind === 'stdio'
      ? startDemands(about, server.command, server.cell, config.profile, survey)
      : urlsOf(server).flatMap(({ origin }) => placeDemand(about, origin, survey))),
    ...offeredDemands(about, judged, upstream, survey.offered),
    ...(unaccepted.length > 0 && isAccepted
      ? [
          missing(
            about,
            `nobody has accepted ${listed(unaccepted)}: a call is refused`,
            `firebreak accept --upstream ${name} --as ${ownerOf(config)}`,
          ),
        ]
      : []),
    ...unfitted,
    ...(declared.length === 0
      ? [
          look(
            about,
            'it declares no tools: nothing of it can be granted',
            server.kind === 'origin' ? 'tools: { GET /path/{name}: { effect: read } }' : 'firebreak accept --stubs',
          ),
        ]
      : []),
    ...(unlabelled.length > 0
      ? [
          look(
            about,
            `nothing says who can write what ${listed(unlabelled)} return: it counts as untrusted`,
            `returns: { $: [untrusted]${unlabelled.every(({ name: tool }) => isAnswerRead(upstream, tool)) ? ', $.id: []' : ''} } under the tool`,
          ),
        ]
      : []),
    ...(leading.length > 0
      ? [
          look(
            about,
            `every text argument of ${listed(leading)} leads somewhere: values that nobody trusted named wait for a person`,
            'destinations: and content: under the tool',
          ),
        ]
      : []),
    ...priceDemands(about, server),
    ...undoDemands(about, config, upstream),
    ...budgetDemands(about, config, upstream),
    ...(relay ? relayDemands(about, config, upstream) : []),
  ]
}

function placeDemand(about: string, origin: string, { places }: Survey): readonly Demand[] {
  const why = places.get(origin)
  if (why === undefined) return [holds(about, `somebody listens at ${origin}`)]
  return [missing(about, `${origin}: ${why}`, 'start it, or correct its url')]
}

/**
 * Returns the demands about effects of an upstream that cannot be taken back: by declaration, or since nothing is
 * granted to undo.
 */
function undoDemands(about: string, config: Config, upstream: UpstreamConfig): readonly Demand[] {
  const without = withoutUndo(config, upstream)
  const declared = [...upstream.tools.values()].filter(({ undo }) => undo !== undefined)
  const undo = config.environments.get(upstream.environment)?.undo
  const granted = new Set(undo?.grants.flatMap((grant) => (grant.upstream === upstream.name ? [...grant.tools] : [])))
  const ungranted = declared.filter((tool) => tool.undo !== undefined && !granted.has(tool.undo.tool))
  const unchecked = declared.filter(({ check }) => check === undefined)
  // What a model wrote cannot be unwritten, and an answer that passes on as it comes says nothing by which to undo.
  const fix = without.every(({ name }) => isAnswerRead(upstream, name))
    ? 'undo: { tool: …, args: { id: $result.id } } under the tool'
    : 'grant only what may stay done'
  const told = calledOn(upstream) === 'model' ? [] : without
  return [
    ...(told.length > 0 ? [look(about, `nothing undoes ${listed(told)}`, fix)] : []),
    ...(ungranted.length > 0
      ? [
          look(
            about,
            `what undoes ${listed(ungranted)} is granted to nobody: firebreak undo is refused`,
            `environments: { ${upstream.environment}: { undo: { owner: …, grants: [{ upstream: ${upstream.name}, tools: […], expires: 1h }] } } }`,
          ),
        ]
      : []),
    ...(unchecked.length > 0
      ? [
          look(
            about,
            `whether ${listed(unchecked)} happened stays unknown where its answer is lost`,
            'check: { tool: …, args: …, undone: { $.state: … } } under the tool',
          ),
        ]
      : []),
  ]
}

/** Tools that an agent may use, with an effect that nothing compensates; those that only undo and are no agent's are not among them. */
export function withoutUndo(config: Config, upstream: UpstreamConfig): readonly DeclaredTool[] {
  const granted = new Set(grantsOf(config, upstream).flatMap((grant) => [...grant.tools]))
  return [...upstream.tools.values()].filter(
    ({ name, effect, undo }) => effect !== 'read' && undo === undefined && granted.has(name),
  )
}

function relayDemands(about: string, config: Config, { environment, server }: UpstreamConfig): readonly Demand[] {
  if (server.kind === 'http')
    return [
      look(
        about,
        'it reaches further from somewhere else: no wall of ours holds what it does',
        'a command:, so that it runs in a cell',
      ),
    ]
  if (egressOf(config, environment).length > 0) return []
  return [
    look(
      about,
      'it is a relay, and its environment has no egress: it reaches nothing',
      `environments: { ${environment}: { egress: [https://api.example] } }`,
    ),
  ]
}

function environmentDemands(config: Config, name: EnvironmentName, survey: Survey): readonly Demand[] {
  const about = `environment ${name}`
  const agents = [...config.agents.values()].filter(({ environment }) => environment === name)
  const relays = [...config.upstreams.values()].filter(
    (each) => each.environment === name && each.relay && each.server.kind === 'stdio',
  )
  const origins = egressOf(config, name)
  return [
    ...(config.environments.get(name)?.hardened === true
      ? hardenedDemands(about, agents, config)
      : /prod|live/.test(name)
        ? [look(about, 'effects in it need no second person', 'hardened: true')]
        : []),
    ...origins.flatMap((origin) => placeDemand(`${about} egress`, origin, survey)),
    ...(origins.length > 0 && relays.length === 0
      ? [look(about, 'it has egress, and no relay that could use it', 'relay: true, or no egress')]
      : []),
  ]
}

/**
 * Returns the demands about the people who may answer in a hardened environment: that each name is a person of its own
 * is for people to know.
 */
function hardenedDemands(about: string, agents: readonly Agent[], { profile }: Config): readonly Demand[] {
  const people = agents.flatMap(({ name, owner, grants }) => {
    const approvers = [
      ...new Set(
        grants.flatMap(({ approver }) => (approver === undefined || samePerson(approver, owner) ? [] : [approver])),
      ),
    ]
    return approvers.length === 0
      ? []
      : [
          holds(
            about,
            `grants of ${name} were approved by ${approvers.join(', ')}; its holds are approved by anyone but ${owner}`,
          ),
        ]
  })
  if (profile === 'full') return people
  return [
    ...people,
    look(about, 'without root, whoever runs the agent can write its state, and answer in any name', 'profile: full'),
  ]
}

function secretDemands(config: Config, { secrets }: Survey): readonly Demand[] {
  const used = new Set([...config.upstreams.values()].flatMap(({ server }) => secretsOf(server)))
  return [...config.secrets].map(([name, source]) => {
    const about = `secret ${name}`
    const why = secrets.get(name)
    if (!used.has(name))
      return look(about, 'no upstream uses it', `headers: or env: with \${secret:${name}}, or take it out`)
    if (why === undefined) return holds(about, `it can be read, from ${source.kind}`)
    const fix = source.kind === 'env' ? `export ${source.variable}=…, or file: or command:` : 'correct it under secrets'
    return missing(about, why, fix)
  })
}

function recordDemands({ profile }: Config): readonly Demand[] {
  if (profile === 'full')
    return [holds('witness', 'it has a uid and a key of its own: a gateway cannot rewrite the record')]
  return [
    look(
      'witness',
      'without root it shares a uid with the gateway: who takes that over can rewrite the record',
      'profile: full; or copy .firebreak/witness to another host, often',
    ),
  ]
}

function policyDemands({ policies }: Config, { policyTests }: Survey): readonly Demand[] {
  return [
    ...(policies.length === 0
      ? [look('policies', 'nothing is forbidden whatever is granted', 'policies: [policies/*.cedar]')]
      : []),
    ...(policyTests === 0
      ? [
          look(
            'policies',
            'no test says what has to be decided',
            'policies/<name>.test.yaml, and firebreak policy test',
          ),
        ]
      : []),
  ]
}

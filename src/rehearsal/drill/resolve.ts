import { networkInterfaces } from 'node:os'
import type { Agent, Config, UpstreamConfig } from '../../config/config.ts'
import type { Judged } from '../../host/prepare/setup.ts'
import {
  type DeclaredTool,
  isJsonObject,
  type Json,
  type JsonObject,
  type JsonPath,
  jsonPath,
  no,
  ok,
  type Result,
} from '../../model/index.ts'
import { sampleOf } from './recorder.ts'
import type { CallStep, DrillStep, ToolLike } from './scenario.ts'
import type { Concrete } from './script-main.ts'

/** A scenario's steps, with every choice made for one configuration and agent. */
export interface DrillPlan {
  readonly own: readonly Concrete[]
  /** Acts of the agent that the first one delegates to. */
  readonly delegate: readonly Concrete[]
  /** `upstream/tool` → the argument that its definition has more. */
  readonly changed: ReadonlyMap<string, string>
}

/**
 * Makes every choice that a scenario's steps leave open; fails where the configuration has no such tool, or no agent to
 * delegate to.
 */
export function resolveSteps(judged: Judged, agent: Agent, steps: readonly DrillStep[]): Result<DrillPlan, string> {
  const own: Concrete[] = []
  const delegate: Concrete[] = []
  const changed = new Map<string, string>()
  const [other] = agent.delegates
  for (const [index, step] of steps.entries()) {
    const act = actOf(judged, agent, step)
    if (!act.ok) return act
    if (step.kind === 'call' && step.changed !== undefined && act.value.kind === 'call')
      changed.set(`${act.value.upstream}/${act.value.tool}`, step.changed)
    if (step.as === undefined) own.push({ step: index, act: act.value })
    else if (other === undefined) return no(`${agent.name} may delegate to nobody`)
    else {
      if (delegate.length === 0) own.push({ step: index, act: { kind: 'delegate', agent: other } })
      delegate.push({ step: index, act: act.value })
    }
  }
  return ok({ own, delegate, changed })
}

function actOf(judged: Judged, agent: Agent, step: DrillStep): Result<Concrete['act'], string> {
  switch (step.kind) {
    case 'run':
      return ok({ kind: 'run', command: step.command })
    case 'connect':
      return placeOf(judged.config, agent, step.to)
    case 'call':
      return callOf(judged, agent, step)
  }
}

function callOf(judged: Judged, agent: Agent, step: CallStep): Result<Concrete['act'], string> {
  const found = toolFor(judged, agent, step)
  if (found === undefined) return no(`it declares no ${wantedText(step.tool)}`)
  const { upstream, declared } = found
  const schema = judged.accepted.get(upstream.name)?.get(declared.name)?.input ?? {}
  const args = argumentsFor(step, declared, schema)
  return ok({ kind: 'call', upstream: upstream.name, tool: declared.name, args, times: step.times })
}

/** Returns a tool that a drill is about in a person's words: its name, or `tool with effect read, granted to it`. */
export function wantedText(tool: CallStep['tool']): string {
  if (typeof tool === 'string') return `tool ${tool}`
  const { effect, relay, environment, granted } = tool
  const parts = [
    effect && `with effect ${effect}`,
    relay !== undefined && (relay ? 'of a relay' : 'of no relay'),
    environment && (environment === 'own' ? 'in its own environment' : 'in another environment'),
    granted !== undefined && (granted ? 'granted to it' : 'not granted to it'),
  ]
  return ['tool', parts.filter(Boolean).join(', ')].join(' ')
}

interface Found {
  readonly upstream: UpstreamConfig
  readonly declared: DeclaredTool
}

function toolFor({ config, accepted }: Judged, agent: Agent, { tool }: CallStep): Found | undefined {
  const all = [...config.upstreams.values()].flatMap((upstream) =>
    [...upstream.tools.values()]
      .filter(({ name }) => !/^(?:resource|prompt):/.test(name))
      .map((declared) => ({ upstream, declared })),
  )
  if (typeof tool === 'string') {
    return all.find(({ upstream, declared }) => `${upstream.name}/${declared.name}` === tool)
  }
  const fitting = all.filter((found) => isLike(found, tool, agent))
  // One that a person accepted is one that could be called.
  return fitting.find(({ upstream, declared }) => accepted.get(upstream.name)?.has(declared.name)) ?? fitting[0]
}

function isLike({ upstream, declared }: Found, like: ToolLike, agent: Agent): boolean {
  const granted = agent.grants.some((grant) => grant.upstream === upstream.name && grant.tools.has(declared.name))
  return (
    (like.effect === undefined || declared.effect === like.effect) &&
    (like.environment === undefined || (upstream.environment === agent.environment) === (like.environment === 'own')) &&
    (like.granted === undefined || granted === like.granted) &&
    (like.relay === undefined || upstream.relay === like.relay)
  )
}

/**
 * Fills in a step's arguments, with values for the fields that the configuration declares: `$destination` and its kin.
 */
function argumentsFor(step: CallStep, declared: DeclaredTool, schema: JsonObject): JsonObject {
  const { $destination, $amount, $currency, $content, ...named } = step.args
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const sampled = sampleOf({ type: 'object', ...schema })
  const args: Record<string, Json> = isJsonObject(sampled) ? { ...sampled } : {}
  const put = (path: JsonPath | undefined, value: Json | undefined) => {
    const [first] = path ?? []
    if (value === undefined || first === undefined || first === 'items') return
    args[first.name] = fitted(value, properties[first.name], path?.[1] === 'items')
  }
  for (const { path } of declared.destinations ?? []) put(path, $destination)
  put(declared.amount === undefined ? undefined : jsonPath(declared.amount), $amount)
  if (declared.currency?.startsWith('$')) put(jsonPath(declared.currency), $currency)
  for (const path of declared.content ?? []) put(path, $content)
  // What a tool that was chosen by what it is does not declare would be refused for that alone.
  for (const [name, value] of Object.entries(named))
    if (typeof step.tool === 'string' || name in properties) args[name] = value
  return args
}

function fitted(value: Json, schema: Json | undefined, inList: boolean): Json {
  if (inList) return [value]
  const type = isJsonObject(schema) ? schema.type : undefined
  return (type === 'number' || type === 'integer') && typeof value === 'string' ? Number(value) : value
}

function placeOf(config: Config, agent: Agent, to: string): Result<Concrete['act'], string> {
  if (to === 'production') {
    for (const { server, environment } of config.upstreams.values()) {
      if (server.kind === 'stdio' || environment === agent.environment) continue
      const { hostname, port, protocol } = server.url
      return ok({ kind: 'connect', host: hostname, port: Number(port || (protocol === 'https:' ? 443 : 80)) })
    }
    return no('it has no upstream of another environment behind a URL')
  }
  const [host = '', port = ''] = to.split(':')
  return ok({ kind: 'connect', host: host === 'host' ? hostAddress() : host, port: Number(port) })
}

function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

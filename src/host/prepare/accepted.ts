import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { definitionDigest, inputIn } from '../../gateway/protocols/mcp/contract/definition.ts'
import {
  isJsonObject,
  type Json,
  type JsonObject,
  KEEP_INEXACT,
  NAME_PATTERN,
  no,
  ok,
  type PersonName,
  type PinnedTool,
  type Problem,
  parseExactJson,
  parseJson,
  personName,
  type Result,
  type TenantName,
  type ToolName,
  toolName,
  type UpstreamName,
  upstreamName,
  visibleJson,
} from '../../model/index.ts'

/** A tool as a person has accepted it: the definition itself, so that a review shows every word of it. */
export interface Accepted extends PinnedTool {
  readonly acceptedBy: PersonName
  /** Epoch ms. */
  readonly acceptedAtMs: number
}

export type AcceptedDefinitions = ReadonlyMap<UpstreamName, ReadonlyMap<ToolName, Accepted>>

/** Beside the configuration and meant to be committed with it: who accepted which definitions. Each tenant has its own. */
export function acceptedPath(configFile: string, tenant?: TenantName): string {
  return join(
    dirname(configFile),
    tenant === undefined ? 'firebreak.accepted.json' : `firebreak.accepted.${tenant}.json`,
  )
}

/** All that was accepted, of every tenant. What a file says of an upstream that is not its tenant's stops the start. */
export function readAllAccepted(config: Config): Result<AcceptedDefinitions, Problem> {
  const all = new Map<UpstreamName, ReadonlyMap<ToolName, Accepted>>()
  for (const tenant of tenantsOf(config)) {
    const own = readAccepted(config.file, tenant)
    if (!own.ok) return own
    for (const [name, tools] of own.value) {
      const upstream = config.upstreams.get(name)
      if (upstream !== undefined && config.environments.get(upstream.environment)?.tenant !== tenant) {
        const source = { file: basename(acceptedPath(config.file, tenant)), line: 1, column: 1 }
        const message = `it accepts tools of "${name}", which is not an upstream of tenant "${tenant}"`
        return no({ source, message, expected: 'upstreams of its own tenant' })
      }
      all.set(name, tools)
    }
  }
  return ok(all)
}

/**
 * Returns the revision of its protocol in which each upstream was asked for what was accepted: the next start begins
 * with it. A file that cannot be read says nothing: then the upstream is asked.
 */
export function readSpoken(config: Config): ReadonlyMap<UpstreamName, string> {
  const files = tenantsOf(config).map((tenant) => acceptedPath(config.file, tenant))
  return new Map(files.filter((file) => existsSync(file)).flatMap(spokenIn))
}

function spokenIn(file: string): readonly (readonly [UpstreamName, string])[] {
  try {
    const json = parseJson(readFileSync(file, 'utf8')) as Json // as `writeAccepted` wrote it
    const spoken = isJsonObject(json) && isJsonObject(json.spoken) ? json.spoken : {}
    return Object.entries(spoken).flatMap(([name, revision]) =>
      typeof revision === 'string' ? [[upstreamName(name), revision] as const] : [],
    )
  } catch {
    return []
  }
}

/**
 * Reasons why what was offered last cannot be accepted, by upstream and tool. They are told, and grant and refuse
 * nothing.
 */
export type Unacceptable = ReadonlyMap<UpstreamName, ReadonlyMap<string, string>>

/** Reads what `accept` found last, as far as it can be read: nothing depends on it. */
export function readUnacceptable(config: Config): Unacceptable {
  return new Map(tenantsOf(config).flatMap((tenant) => [...unacceptableIn(acceptedPath(config.file, tenant))]))
}

function unacceptableIn(file: string): Unacceptable {
  let json: Json
  try {
    json = parseExactJson(readFileSync(file, 'utf8'))
  } catch {
    return new Map()
  }
  const told = isJsonObject(json) && isJsonObject(json.unacceptable) ? json.unacceptable : {}
  return new Map(
    Object.entries(told).flatMap(([name, tools]): [UpstreamName, ReadonlyMap<string, string>][] => {
      if (!NAME_PATTERN.test(name) || !isJsonObject(tools)) return []
      return [[upstreamName(name), new Map(Object.entries(tools).map(([tool, why]) => [tool, String(why)]))]]
    }),
  )
}

/** Writes what was accepted into the file of each tenant; what is not given stays as it is there. */
export function writeAllAccepted(
  config: Config,
  accepted: AcceptedDefinitions,
  spoken: ReadonlyMap<UpstreamName, string> = readSpoken(config),
  unacceptable: Unacceptable = readUnacceptable(config),
): void {
  for (const tenant of tenantsOf(config)) {
    const isOwn = ([name]: readonly [UpstreamName, unknown]) => {
      const upstream = config.upstreams.get(name)
      return upstream === undefined
        ? tenant === undefined
        : config.environments.get(upstream.environment)?.tenant === tenant
    }
    const [own, not] = [[...accepted].filter(isOwn), [...unacceptable].filter(isOwn)]
    if (own.length + not.length > 0 || existsSync(acceptedPath(config.file, tenant)))
      writeAccepted(config.file, new Map(own), tenant, spoken, new Map(not))
  }
}

function tenantsOf({ tenants }: Config): readonly (TenantName | undefined)[] {
  return tenants.size === 0 ? [undefined] : [...tenants]
}

/** Reads what was accepted, which is nothing where there is no file; a file that cannot be read stops the start. */
export function readAccepted(configFile: string, tenant?: TenantName): Result<AcceptedDefinitions, Problem> {
  const file = acceptedPath(configFile, tenant)
  if (!existsSync(file)) return ok(new Map())
  try {
    const json = parseExactJson(readFileSync(file, 'utf8'), KEEP_INEXACT)
    return ok(definitionsIn(json))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return no({
      source: { file: basename(file), line: 1, column: 1 },
      message,
      expected: 'a file as `firebreak accept` writes it',
    })
  }
}

export function writeAccepted(
  configFile: string,
  accepted: AcceptedDefinitions,
  tenant?: TenantName,
  spoken: ReadonlyMap<UpstreamName, string> = new Map(),
  unacceptable: Unacceptable = new Map(),
): void {
  const upstreams = [...accepted].map(([upstream, tools]) => [
    upstream,
    Object.fromEntries([...tools].map(([name, tool]) => [name, acceptedJson(tool)])),
  ])
  const file = acceptedPath(configFile, tenant)
  const own = Object.fromEntries([...spoken].filter(([name]) => accepted.has(name)))
  const not = [...unacceptable].map(([upstream, tools]) => [upstream, Object.fromEntries(tools)])
  const told = not.length === 0 ? {} : { unacceptable: Object.fromEntries(not) }
  const text = visibleJson({ version: 1, upstreams: Object.fromEntries(upstreams), spoken: own, ...told }, 2)
  if (existsSync(file) && readFileSync(file, 'utf8') === `${text}\n`) return
  writeFileSync(`${file}.new`, `${text}\n`)
  renameSync(`${file}.new`, file)
}

function acceptedJson({ definition, acceptedBy, acceptedAtMs, anyWords }: Accepted): JsonObject {
  const acceptedAt = new Date(acceptedAtMs).toISOString()
  return { acceptedBy, acceptedAt, ...(anyWords && { anyWords }), definition }
}

function definitionsIn(json: Json): AcceptedDefinitions {
  if (!isJsonObject(json) || json.version !== 1 || !isJsonObject(json.upstreams))
    throw new Error('version 1 with "upstreams" is expected')
  const upstreams = new Map<UpstreamName, ReadonlyMap<ToolName, Accepted>>()
  for (const [name, tools] of Object.entries(json.upstreams)) {
    if (!isJsonObject(tools)) throw new Error(`"${name}" is not an object`)
    upstreams.set(
      upstreamName(name),
      new Map(Object.entries(tools).map(([tool, value]) => [toolName(tool), acceptedIn(tool, value)])),
    )
  }
  return upstreams
}

function acceptedIn(tool: string, value: Json): Accepted {
  if (!isJsonObject(value) || !isJsonObject(value.definition)) throw new Error(`"${tool}" has no definition`)
  const acceptedAtMs = Date.parse(String(value.acceptedAt))
  if (!Number.isFinite(acceptedAtMs)) throw new Error(`"${tool}": acceptedAt is not a time`)
  const { anyWords = false } = value
  if (typeof anyWords !== 'boolean') throw new Error(`"${tool}": anyWords is true or false`)
  const input = inputIn(value.definition)
  return {
    name: toolName(tool),
    definition: value.definition,
    ...(input && { input }),
    digest: definitionDigest(value.definition, anyWords),
    ...(anyWords && { anyWords }),
    acceptedBy: personName(String(value.acceptedBy ?? '')),
    acceptedAtMs,
  }
}

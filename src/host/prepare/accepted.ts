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

/** The texts of the files of what was accepted, by tenant; undefined where there is none, an error where one cannot be read. */
export type AcceptedTexts = ReadonlyMap<TenantName | undefined, AcceptedText>

type AcceptedText = Result<string | undefined, string>

/** Reads those files, each once: all that a configuration says of what was accepted is said by these texts. */
export function readAcceptedTexts(config: Config): AcceptedTexts {
  return new Map(tenantsOf(config).map((tenant) => [tenant, textAt(acceptedPath(config.file, tenant))]))
}

function textAt(file: string): AcceptedText {
  try {
    return ok(existsSync(file) ? readFileSync(file, 'utf8') : undefined)
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

function knownTexts(texts: AcceptedTexts): readonly string[] {
  return [...texts.values()].flatMap((text) => (text.ok && text.value !== undefined ? [text.value] : []))
}

/** All that was accepted, of every tenant. What a file says of an upstream that is not its tenant's stops the start. */
export function readAllAccepted(
  config: Config,
  texts: AcceptedTexts = readAcceptedTexts(config),
): Result<AcceptedDefinitions, Problem> {
  const all = new Map<UpstreamName, ReadonlyMap<ToolName, Accepted>>()
  for (const [tenant, text] of texts) {
    const own = readAccepted(config.file, tenant, text)
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
export function readSpoken(
  config: Config,
  texts: AcceptedTexts = readAcceptedTexts(config),
): ReadonlyMap<UpstreamName, string> {
  return new Map(knownTexts(texts).flatMap(spokenIn))
}

function spokenIn(text: string): readonly (readonly [UpstreamName, string])[] {
  try {
    const json = parseJson(text) as Json // as `writeAccepted` wrote it
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
export function readUnacceptable(config: Config, texts: AcceptedTexts = readAcceptedTexts(config)): Unacceptable {
  return new Map(knownTexts(texts).flatMap((text) => [...unacceptableIn(text)]))
}

function unacceptableIn(text: string): Unacceptable {
  let json: Json
  try {
    json = parseExactJson(text)
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

/** Returns the tenants that have a file of their own; undefined stands for everybody, where none is named. */
export function tenantsOf({ tenants }: Config): readonly (TenantName | undefined)[] {
  return tenants.size === 0 ? [undefined] : [...tenants]
}

/** Reads what was accepted, which is nothing where there is no file; a file that cannot be read stops the start. */
export function readAccepted(
  configFile: string,
  tenant?: TenantName,
  text: AcceptedText = textAt(acceptedPath(configFile, tenant)),
): Result<AcceptedDefinitions, Problem> {
  const source = { file: basename(acceptedPath(configFile, tenant)), line: 1, column: 1 }
  const wrong = (message: string) => no({ source, message, expected: 'a file as `firebreak accept` writes it' })
  if (!text.ok) return wrong(text.reason)
  if (text.value === undefined) return ok(new Map())
  try {
    return ok(definitionsIn(parseExactJson(text.value, KEEP_INEXACT)))
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error))
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

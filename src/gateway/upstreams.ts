import { createHash } from 'node:crypto'
import { canonicalText } from '../ledger/canonical.ts'
import {
  type CatalogueTool,
  type DeclaredTool,
  type EnvironmentName,
  grantedName,
  isJsonObject,
  type Json,
  type JsonObject,
  type PinnedTool,
  type Sha256,
  sha256,
  type ToolName,
  type UpstreamName,
} from '../model/index.ts'
import type { DefinitionProblem } from '../policy/index.ts'
import { cedarActionId } from '../policy/index.ts'
import { type ParamHeader, paramHeaders } from './protocols/mcp/headers.ts'
import { type CompiledSchema, compileSchema } from './schema.ts'
import type { ListName, UpstreamConnection } from './upstream.ts'

/** A tool, resource or prompt that the configuration declares, with what was accepted of it. */
export interface KnownTool {
  readonly declared: DeclaredTool
  readonly pinned?: PinnedTool
  /** Judges arguments; absent until a definition is accepted, and then nothing is granted. */
  readonly input: CompiledSchema | undefined
  readonly paramHeaders: readonly ParamHeader[]
  /** What is wrong with a result that the upstream calls a success. */
  readonly judgeResult: (value: JsonObject) => string | undefined
}

export interface UpstreamOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly tools: ReadonlyMap<ToolName, CatalogueTool>
  readonly connect: () => Promise<UpstreamConnection>
  /** An upstream offers what was not accepted. */
  readonly onDefinition: (tool: ToolName, digest: Sha256, problem: DefinitionProblem) => void
}

/** Pages of one list that are read at most; a server that goes on forever stops here. */
const PAGES_MAX = 100

/**
 * One upstream as the gateway sees it: its connection, made when first needed and again when it broke, and what its
 * tools are, by the definitions that a person accepted.
 *
 * - U1  A tool is what its accepted definition says. What the upstream offers now is compared with it, and never used.
 * - U2  A tool that is offered differently, or no longer, is refused until a person has accepted it again.
 */
export class Upstream {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  /** By `cedarActionId`, for decisions. */
  readonly definitionProblems = new Map<string, DefinitionProblem>()
  readonly #options: UpstreamOptions
  readonly #tools: ReadonlyMap<ToolName, KnownTool>
  readonly #listeners = new Set<(list: ListName) => void>()
  /** Lists that have changed and have not been looked at yet. */
  readonly #news = new Set<ListName>()
  #settling: Promise<void> = Promise.resolve()
  #connection: Promise<UpstreamConnection> | undefined

  constructor(options: UpstreamOptions) {
    this.#options = options
    this.name = options.name
    this.environment = options.environment
    this.#tools = new Map([...options.tools].map(([name, tool]) => [name, knownTool(tool)]))
  }

  tool(name: ToolName): KnownTool | undefined {
    return this.#tools.get(name)
  }

  get tools(): ReadonlyMap<ToolName, KnownTool> {
    return this.#tools
  }

  /** The live connection, when what its upstream offers has been compared, and compared again where it has changed. */
  async connection(): Promise<UpstreamConnection> {
    await this.#connected()
    await this.#settling
    return this.#connected()
  }

  async #connected(): Promise<UpstreamConnection> {
    this.#connection ??= this.#connect()
    try {
      return await this.#connection
    } catch (error) {
      this.#connection = undefined
      throw error
    }
  }

  /** The next use connects anew. */
  disconnected(): void {
    const old = this.#connection
    this.#connection = undefined
    old?.then(
      (connection) => connection.close(),
      () => undefined,
    )
  }

  onListChanged(listener: (list: ListName) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.disconnected()
  }

  async #connect(): Promise<UpstreamConnection> {
    const connection = await this.#options.connect()
    connection.onListChanged((list) => this.#changed(connection, list))
    await this.#compare(connection)
    return connection
  }

  /**
   * Compares anew, and tells the cells. An upstream that says so a thousand times a second is asked again only when the
   * last answer has been compared.
   */
  #changed(connection: UpstreamConnection, list: ListName): void {
    const waiting = this.#news.has(list)
    this.#news.add(list)
    if (waiting) return
    const settled = this.#settling.then(async () => {
      this.#news.delete(list)
      if (list === 'tools') await this.#compare(connection)
      for (const listener of this.#listeners) listener(list)
    })
    this.#settling = settled.catch(() => this.disconnected())
  }

  /** Holds every offered tool against what was accepted. */
  async #compare(connection: UpstreamConnection): Promise<void> {
    const offered = 'tools' in connection.capabilities ? await listAll(connection, 'tools/list', 'tools') : []
    const digests = new Map<ToolName, Sha256>()
    for (const definition of offered) {
      if (typeof definition.name !== 'string' || definition.name.length === 0 || definition.name.length > 200) continue
      const name = grantedName('tool', definition.name.replaceAll(/\p{Cc}/gu, ''))
      digests.set(name, definitionDigest(definition))
    }
    for (const [name, known] of this.#tools) {
      if (/^(?:resource|prompt):/.test(name)) continue
      const digest = digests.get(name)
      const problem = problemOf(known, digest)
      const key = cedarActionId(this.name, 'tool', name)
      if (problem === undefined) this.definitionProblems.delete(key)
      else if (this.definitionProblems.get(key) !== problem) {
        this.definitionProblems.set(key, problem)
        if (digest !== undefined) this.#options.onDefinition(name, digest, problem)
      }
    }
  }
}

function problemOf({ pinned }: KnownTool, offered: Sha256 | undefined): DefinitionProblem | undefined {
  if (pinned === undefined) return 'not accepted'
  if (offered === undefined) return 'withdrawn by its upstream'
  return offered === pinned.digest ? undefined : 'changed since it was accepted'
}

/** Every item of a list, over all of its pages. Throws what a person should read. */
export async function listAll(
  connection: UpstreamConnection,
  method: string,
  member: string,
): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const sent = await connection.ask(method, cursor === undefined ? {} : { cursor })
    if (sent.kind !== 'answered') throw new Error(`${connection.name}: ${method}: ${sent.why}`)
    const { result } = sent.answer.value
    if (!isJsonObject(result))
      throw new Error(`${connection.name}: ${method}: ${JSON.stringify(sent.answer.value.error)}`)
    const list = result[member]
    if (!Array.isArray(list)) throw new Error(`${connection.name}: ${method}: its answer has no list "${member}"`)
    items.push(...list.filter(isJsonObject))
    if (typeof result.nextCursor !== 'string') return items
    cursor = result.nextCursor
  }
  throw new Error(`${connection.name}: ${method}: more than ${PAGES_MAX} pages`)
}

/** SHA-256 of the definition's RFC 8785 form: the name that an accepted definition goes by. */
export function definitionDigest(definition: JsonObject): Sha256 {
  const text = canonicalText(definition as Json)
  // What the strict parser let in has a canonical form, but for nesting past the ledger's own limit, which is deeper.
  if (!text.ok) throw new Error(`a definition has no canonical form: ${text.reason.kind}`)
  return sha256(createHash('sha256').update(text.value).digest('hex'))
}

/** Schemas are compiled at the first use: most cells use few of an upstream's tools. */
function knownTool({ declared, pinned }: CatalogueTool): KnownTool {
  const definition = pinned?.definition
  const inputSchema = isJsonObject(definition?.inputSchema) ? definition.inputSchema : undefined
  let input: CompiledSchema | undefined
  let output: CompiledSchema | undefined
  return {
    declared,
    ...(pinned && { pinned }),
    paramHeaders: inputSchema === undefined ? [] : paramHeaders(inputSchema),
    get input() {
      if (inputSchema !== undefined) input ??= compiled(inputSchema, 'arguments')
      return input
    },
    judgeResult: ({ result }) => {
      if (!isJsonObject(definition?.outputSchema)) return undefined
      output ??= compiled(definition.outputSchema, 'answer')
      const structured = isJsonObject(result) ? result.structuredContent : undefined
      if (structured === undefined) return 'it lacks the structured content that its definition promises'
      const fault = output.check(structured)
      return fault === undefined
        ? undefined
        : `its structured content breaks its definition: ${fault.path} ${fault.problem}`
    },
  }
}

/** `accept` lets no definition through that does not compile; one that slipped by refuses every value. */
function compiled(schema: JsonObject, use: 'arguments' | 'answer'): CompiledSchema {
  const result = compileSchema(schema, use)
  return result.ok ? result.value : { check: () => ({ path: '$', problem: `cannot be checked: ${result.reason}` }) }
}

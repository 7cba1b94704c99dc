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
  LIMITS,
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
  /** The signal ends a connection that is being made. */
  readonly connect: (signal: AbortSignal) => Promise<UpstreamConnection>
  /** An upstream offers what was not accepted. */
  readonly onDefinition: (tool: ToolName, digest: Sha256, problem: DefinitionProblem) => void
  /** Nobody gets to it, and why; or, with nothing, it stands again. Once for each change. */
  readonly onStand?: (problem?: string) => void
}

/** How long it takes until an upstream that a list lacks is tried again: twice as long each time. */
const RETRY_MS_MIN = 5_000
const RETRY_MS_MAX = 60_000

/** Where an upstream stands when a list asks: what nobody gets to is left out, and why is known. */
export type Stand = { readonly kind: 'stands' | 'starting' } | { readonly kind: 'down'; readonly why: string }

/** Pages of one list that are read at most; a server that goes on forever stops here. */
const PAGES_MAX = 100

/**
 * One upstream as the gateway sees it: its connection, made when first needed and again when it broke, and what its
 * tools are, by the definitions that a person accepted.
 *
 * - U1  A tool is what its accepted definition says. What the upstream offers now is compared with it, and never used.
 * - U2  A tool that is offered differently, or no longer, is refused until a person has accepted it again.
 * - U3  Once closed, it has no connection, and makes none.
 * - U4  What a list could not know (it was asked while this upstream started, or was left out of it) is told as a changed
 *       list as soon as it is known.
 */
export class Upstream {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  /** By `cedarActionId`, for decisions. */
  readonly definitionProblems = new Map<string, DefinitionProblem>()
  /** Calls whose bytes may have left and that are not answered. */
  underWay = 0
  /** Lists of it that held a secret, and which. */
  readonly leaked = new Set<string>()
  readonly #options: UpstreamOptions
  readonly #tools: ReadonlyMap<ToolName, KnownTool>
  readonly #listeners = new Set<(list: ListName) => void>()
  /** Lists that have changed and have not been looked at yet. */
  readonly #news = new Set<ListName>()
  /** Changes that are not settled yet. */
  #unsettled = 0
  #settling: Promise<void> = Promise.resolve()
  #connection: Promise<UpstreamConnection> | undefined
  /** The same, once it stands. */
  #live: UpstreamConnection | undefined
  readonly #closed = new AbortController()
  /** Why nobody gets to it; as it was told last. */
  #problem: string | undefined
  /** What a list said of it that may not be so. */
  #owed: 'starting' | 'down' | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMs = RETRY_MS_MIN

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

  /**
   * The live connection, when what its upstream offers has been compared, and compared again where it has changed. Who
   * waits for it can be called off, and others go on waiting.
   */
  connection(signal?: AbortSignal): Promise<UpstreamConnection> {
    if (this.#live !== undefined && !this.#live.closed && this.#unsettled === 0) return Promise.resolve(this.#live)
    return unlessAborted(this.#settled(), signal)
  }

  /** Where it stands, after `waitMsMax` at most. Cells are told when that was too early to know. */
  async standing(waitMsMax: number): Promise<Stand> {
    let timer: NodeJS.Timeout | undefined
    const starting = new Promise<Stand>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'starting' }), waitMsMax)
    })
    const connecting = this.connection().then(
      (): Stand => ({ kind: 'stands' }),
      (error): Stand => ({ kind: 'down', why: messageOf(error) }),
    )
    const stand = await Promise.race([connecting, starting])
    clearTimeout(timer)
    if (stand.kind !== 'stands' && this.#owed !== 'down') this.#owed = stand.kind
    if (stand.kind === 'down') this.#tryAgain()
    return stand
  }

  #tryAgain(): void {
    if (this.#retry !== undefined || this.#closed.signal.aborted) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      // One that stands has told so by itself.
      this.connection().catch(() => this.#tryAgain())
    }, this.#retryMs)
    this.#retry.unref()
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX)
  }

  async #settled(): Promise<UpstreamConnection> {
    await this.#connected()
    await this.#settling
    return this.#connected()
  }

  async #connected(): Promise<UpstreamConnection> {
    if (this.#live?.closed) this.disconnected()
    this.#connection ??= this.#connect()
    const connection = this.#connection
    try {
      return await connection
    } catch (error) {
      if (this.#connection === connection) {
        this.#connection = undefined
        this.#isDown(messageOf(error))
      }
      throw error
    }
  }

  /** The next use connects anew; what is under way on the old connection may end. */
  disconnected(broken?: UpstreamConnection): void {
    // Many calls may have found it broken, and one of them has made another since.
    if (broken !== undefined && broken !== this.#live) return broken.retire()
    const old = this.#connection
    this.#connection = undefined
    this.#live = undefined
    old?.then(
      (connection) => connection.retire(),
      () => undefined,
    )
  }

  onListChanged(listener: (list: ListName) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#closed.abort()
    clearTimeout(this.#retry)
    const old = this.#connection
    this.disconnected()
    old?.then(
      (connection) => connection.close(),
      () => undefined,
    )
  }

  async #connect(): Promise<UpstreamConnection> {
    const { signal } = this.#closed
    signal.throwIfAborted()
    const connection = await this.#options.connect(signal)
    try {
      connection.onListChanged((list) => this.#changed(connection, list))
      await this.#compare(connection)
      signal.throwIfAborted()
    } catch (error) {
      connection.close()
      throw error
    }
    this.#live = connection
    this.#stands()
    return connection
  }

  #isDown(problem: string): void {
    if (this.#problem === problem || this.#closed.signal.aborted) return
    this.#problem = problem
    this.#options.onStand?.(problem)
  }

  #stands(): void {
    const owed = this.#owed
    const was = this.#problem
    this.#owed = undefined
    this.#problem = undefined
    this.#retryMs = RETRY_MS_MIN
    if (was !== undefined) this.#options.onStand?.()
    // A list that was given while it started showed what was accepted: there is news only where it offers something else.
    if (owed === 'down' || (owed === 'starting' && this.definitionProblems.size > 0))
      for (const listener of this.#listeners) listener('tools')
  }

  /**
   * Compares anew, and tells the cells. An upstream that says so a thousand times a second is asked again only when the
   * last answer has been compared.
   */
  #changed(connection: UpstreamConnection, list: ListName): void {
    const waiting = this.#news.has(list)
    if (waiting || connection.closed) return
    this.#news.add(list)
    this.#unsettled++
    const settled = this.#settling.then(async () => {
      this.#news.delete(list)
      if (list === 'tools') await this.#compare(connection)
      for (const listener of this.#listeners) listener(list)
    })
    this.#settling = settled.catch(() => this.disconnected(connection)).finally(() => this.#unsettled--)
  }

  /** Holds every offered tool against what was accepted. */
  async #compare(connection: UpstreamConnection): Promise<void> {
    const { signal } = this.#closed
    const offered = 'tools' in connection.capabilities ? await listAll(connection, 'tools/list', 'tools', signal) : []
    const digests = new Map<ToolName, Sha256>()
    for (const definition of offered) {
      if (typeof definition.name !== 'string' || definition.name.length === 0 || definition.name.length > 200) continue
      const name = grantedName('tool', definition.name.replaceAll(/\p{Cc}/gu, ''))
      // What nobody declared is nothing to us, however large it is.
      const known = this.#tools.get(name)
      if (known === undefined) continue
      // Offered twice under one name, it is what was accepted only if both are.
      const digest = definitionDigest(definition)
      if (!digests.has(name) || digest !== known.pinned?.digest) digests.set(name, digest)
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Rejects when the signal does; what was waited for goes on. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new Error('it was called off'))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

function problemOf({ pinned }: KnownTool, offered: Sha256 | undefined): DefinitionProblem | undefined {
  if (pinned === undefined) return 'not accepted'
  if (offered === undefined) return 'withdrawn by its upstream'
  return offered === pinned.digest ? undefined : 'changed since it was accepted'
}

/**
 * Every item of a list, over all of its pages. Throws what a person should read. The upstream may go on without an end:
 * its pages, their bytes and items, and the time for all of them have a limit, and a cursor is followed once.
 */
export async function listAll(
  connection: UpstreamConnection,
  method: string,
  member: string,
  signal?: AbortSignal,
): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = []
  const followed = new Set<string>()
  const inTime = AbortSignal.timeout(LIMITS.listMsMax)
  const until = signal === undefined ? inTime : AbortSignal.any([signal, inTime])
  let cursor: string | undefined
  let bytes = 0
  const tooMuch = (what: string) => new Error(`${connection.name}: ${method}: ${what}`)
  for (let page = 0; page < PAGES_MAX; page++) {
    const sent = await connection.ask(method, cursor === undefined ? {} : { cursor }, until)
    if (inTime.aborted) throw tooMuch(`it took longer than ${LIMITS.listMsMax} ms`)
    if (sent.kind !== 'answered') throw new Error(`${connection.name}: ${method}: ${sent.why}`)
    bytes += sent.bytes.length
    if (bytes > LIMITS.listBytesMax) throw tooMuch(`more than ${LIMITS.listBytesMax} bytes`)
    const { result } = sent.answer.value
    if (!isJsonObject(result))
      throw new Error(`${connection.name}: ${method}: ${JSON.stringify(sent.answer.value.error)}`)
    const list = result[member]
    if (!Array.isArray(list)) throw new Error(`${connection.name}: ${method}: its answer has no list "${member}"`)
    if (items.length + list.length > LIMITS.listItemsMax) throw tooMuch(`more than ${LIMITS.listItemsMax} items`)
    for (const item of list) if (isJsonObject(item)) items.push(item)
    if (typeof result.nextCursor !== 'string') return items
    cursor = result.nextCursor
    if (followed.has(cursor)) throw tooMuch('its pages go in a circle')
    followed.add(cursor)
  }
  throw tooMuch(`more than ${PAGES_MAX} pages`)
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

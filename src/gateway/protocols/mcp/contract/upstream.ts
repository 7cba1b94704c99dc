/**
 * The definitions that a person accepted of an upstream, and the connection to it, by which what it offers now is compared. `../call.ts`
 * asks it for a contract before an action is judged, and for a connection before one is sent. It is long because what it
 * remembers (connection, lists, problems, outage) belongs to one class, whose every comparison may change it.
 */
import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  grantedName,
  type JsonObject,
  protocolName,
  type Sha256,
  type ToolName,
  type UpstreamName,
} from '../../../../model/index.ts'
import type { DefinitionProblem } from '../../../../policy/index.ts'
import type { ServedCell } from '../../../admission/served-cell.ts'
import { yieldIfLong } from '../../../fairness/share.ts'
import type { Line } from '../../../pipeline/line.ts'
import type { OfferedDefinition } from '../../protocol.ts'
import type { ListName, UpstreamConnection } from '../server/connection.ts'
import { listAll, lostText } from '../server/list-all.ts'
import { contractOf, type McpContract } from './contract.ts'
import { definitionDigest, promptDefinition } from './definition.ts'

export interface McpUpstreamOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly tools: ReadonlyMap<ToolName, CatalogueTool>
  /** The signal ends a connection that is being made. */
  readonly connect: (signal: AbortSignal) => Promise<UpstreamConnection>
  /** An upstream offers what was not accepted. */
  readonly onDefinition: (tool: ToolName, offered: OfferedDefinition, problem: DefinitionProblem) => void
  /** Hears that something of a list could not be taken, in words for a person; the rest of it was. */
  readonly onCut?: (list: ListName, what: readonly string[]) => void
  /** Hears that nobody gets to the upstream, and why; or, with nothing, that it stands again. Once for each change. */
  readonly onStand?: (problem?: string) => void
}

/** Lists of each kind: the method that asks for them, and the member that they come in. */
const LISTS: Readonly<Record<ListName, readonly (readonly [method: string, member: string])[]>> = {
  tools: [['tools/list', 'tools']],
  prompts: [['prompts/list', 'prompts']],
  resources: [
    ['resources/list', 'resources'],
    ['resources/templates/list', 'resourceTemplates'],
  ],
}

const MCP_NAME = protocolName('mcp')

/** Milliseconds until an upstream that a list lacks is tried again: twice as long each time. */
const RETRY_MS_MIN = 5_000
const RETRY_MS_MAX = 60_000

/** Milliseconds between two times that it is told why nobody gets to an upstream. */
const TOLD_EVERY_MS_MIN = 1_000

/** The state of an upstream when a list asks: what nobody gets to is left out, and why is known. */
export type Stand = { readonly kind: 'stands' | 'starting' } | { readonly kind: 'down'; readonly why: string }

/**
 * One upstream as the gateway sees it: its connection, made when first needed and again when it broke, and what its
 * tools are, by the definitions that a person accepted.
 *
 * - U1  A tool is what its accepted definition says. What the upstream offers now is compared with it, and never used.
 * - U2  A tool that is offered differently, or no longer, is refused until a person has accepted it again.
 * - U3  Once closed, it has no connection, and makes none.
 * - U4  What a list could not know (it was asked while this upstream started, or was left out of it) is told as a changed
 *       list as soon as it is known.
 * - U5  What a list holds, and where it stands, can be had without a word to the upstream (`known`, `seen`): the gateway asks
 *       for every list of which something is declared on each connection, and when it is told of a change. Which of them a
 *       cell wants, and when, stays with us.
 */
export class McpUpstream implements Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol = MCP_NAME
  readonly contracts: ReadonlyMap<ToolName, McpContract>
  readonly definitionProblems = new Map<string, DefinitionProblem>()
  readonly underWay = new Map<ActionId, CellId>()
  /** Lists of it that held a secret, and which. */
  readonly leaked = new Set<string>()
  readonly #options: McpUpstreamOptions
  readonly #listeners = new Set<(list: ListName) => void>()
  /** Lists that have changed and have not been looked at yet. */
  readonly #news = new Set<ListName>()
  /** Sentences that were told last of each list that could not be taken whole, by its method. */
  readonly #cuts = new Map<string, string>()
  /** Items of each list as they came last, by its method. */
  readonly #told = new Map<string, readonly JsonObject[]>()
  /** The lists that its last connection was asked for so that they are known. */
  #foreseen: Promise<void> | undefined
  /** Comparisons that have begun, and the newest that has ended: an older one that ends after it says nothing any more. */
  #comparisons = 0
  #compared = 0
  /** Changes that are not settled yet. */
  #unsettled = 0
  #settling: Promise<void> = Promise.resolve()
  #connection: Promise<UpstreamConnection> | undefined
  /** The connection, once it stands. */
  #live: UpstreamConnection | undefined
  readonly #closed = new AbortController()
  /** Reason why nobody gets to it, as it was told last, and when that was, on `performance`'s clock. */
  #problem: string | undefined
  #toldMs = Number.NEGATIVE_INFINITY
  /** Lists that were given while it started, or without it. */
  readonly #owed = new Map<ListName, 'starting' | 'down'>()
  #retry: NodeJS.Timeout | undefined
  #retryMs = RETRY_MS_MIN

  constructor(options: McpUpstreamOptions) {
    this.#options = options
    this.name = options.name
    this.environment = options.environment
    this.contracts = new Map([...options.tools].map(([name, tool]) => [name, contractOf(tool)]))
  }

  contract(name: ToolName): McpContract | undefined {
    return this.contracts.get(name)
  }

  /**
   * The live connection, when what its upstream offers has been compared, and compared again where it has changed. Who
   * waits for it can be called off, and others go on waiting.
   */
  connection(signal?: AbortSignal): Promise<UpstreamConnection> {
    const { live } = this
    return live === undefined ? unlessAborted(this.#settled(), signal) : Promise.resolve(live)
  }

  /** The connection, where there is one on which nothing has to be compared. */
  get live(): UpstreamConnection | undefined {
    return this.#live?.closed === false && this.#unsettled === 0 ? this.#live : undefined
  }

  /**
   * Returns one of the upstream's lists as it is now. What of it cannot be taken is told, once while it stays the same.
   */
  async offered(
    connection: UpstreamConnection,
    list: ListName,
    method: string,
    member: string,
  ): Promise<readonly JsonObject[]> {
    if (!(list in connection.capabilities)) return []
    const listed = listAll(connection, method, member, this.#closed.signal)
    const { items, lost, notes } = await listed.catch((error) => {
      // Without its tools there is no connection, and that is told.
      if (list !== 'tools') this.#isCut(list, method, [messageOf(error)])
      throw error
    })
    const what = [...lost.map(lostText), ...notes]
    this.#isCut(list, method, what)
    this.#told.set(method, items)
    return items
  }

  /** Returns one of the upstream's lists as it came last, or comes at the moment (U5). */
  async known(method: string): Promise<readonly JsonObject[]> {
    if (!this.#told.has(method)) await this.#foreseen
    return this.#told.get(method) ?? []
  }

  /** Asks for all lists of a kind. One that cannot be had stays as it was. */
  async #foresee(connection: UpstreamConnection, list: ListName): Promise<void> {
    for (const [method, member] of LISTS[list]) await this.offered(connection, list, method, member).catch(() => [])
  }

  #isCut(list: ListName, method: string, what: readonly string[]): void {
    const said = what.join('; ')
    if (said !== '' && this.#cuts.get(method) !== said) this.#options.onCut?.(list, what)
    this.#cuts.set(method, said)
  }

  /**
   * Returns where the upstream stands, after `waitMsMax` at most. Cells are told of `list` when that was too early to
   * know.
   */
  async standing(waitMsMax: number, list: ListName = 'tools'): Promise<Stand> {
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
    this.#owe(list, stand)
    if (stand.kind === 'down') this.#tryAgain()
    return stand
  }

  /** Returns where the upstream stands as far as that is known, without a word to it (U5). */
  seen(list: ListName = 'tools'): Stand {
    const why = this.#problem
    const stand: Stand =
      this.#live !== undefined ? { kind: 'stands' } : why === undefined ? { kind: 'starting' } : { kind: 'down', why }
    this.#owe(list, stand)
    return stand
  }

  #owe(list: ListName, { kind }: Stand): void {
    if (kind !== 'stands' && this.#owed.get(list) !== 'down') this.#owed.set(list, kind)
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
    if (this.#owed.size > 0 && this.#live === undefined && this.#connection !== undefined)
      this.#isDown('it was still starting at the end')
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
    // Tools and prompts have been compared.
    if ([...this.contracts.keys()].some((name) => name.startsWith('resource:')))
      this.#foreseen = this.#foresee(connection, 'resources')
    this.#stands()
    return connection
  }

  #isDown(problem: string): void {
    if (this.#problem === problem || this.#closed.signal.aborted) return
    // In its own words it could say something else each time: a second later it is told again.
    if (performance.now() - this.#toldMs < TOLD_EVERY_MS_MIN) return
    this.#toldMs = performance.now()
    this.#problem = problem
    this.#options.onStand?.(problem)
  }

  #stands(): void {
    const owed = [...this.#owed]
    const was = this.#problem
    this.#owed.clear()
    this.#problem = undefined
    this.#retryMs = RETRY_MS_MIN
    if (was !== undefined) this.#options.onStand?.()
    for (const [list, given] of owed) {
      // Of its tools what was accepted was shown while it started: there is news only where it offers something else.
      if (list === 'tools' && given === 'starting' && this.definitionProblems.size === 0) continue
      for (const listener of this.#listeners) listener(list)
    }
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
      if (list !== 'resources') await this.#compare(connection)
      else if (LISTS[list].some(([method]) => this.#told.has(method))) await this.#foresee(connection, list)
      for (const listener of this.#listeners) listener(list)
    })
    this.#settling = settled.catch(() => this.disconnected(connection)).finally(() => this.#unsettled--)
  }

  /** Holds every tool and prompt that is offered against what was accepted, in turns: a list can have 10,000 of them. */
  async #compare(connection: UpstreamConnection): Promise<void> {
    const comparison = ++this.#comparisons
    const definitions = new Map<ToolName, OfferedDefinition>()
    for (const [operation, list] of [
      ['tool', 'tools'],
      ['prompt', 'prompts'],
    ] as const) {
      if (operation === 'prompt' && ![...this.contracts.keys()].some((name) => name.startsWith('prompt:'))) continue
      for (const definition of await this.offered(connection, list, `${list}/list`, list)) {
        this.#take(definition, operation, definitions)
        await yieldIfLong()
      }
    }
    if (comparison < this.#compared) return
    this.#compared = comparison
    for (const [name, known] of this.contracts) {
      if (name.startsWith('resource:')) continue
      const offered = definitions.get(name)
      const problem = problemOf(known, offered?.digest)
      // As `cedarActionId` has it: the names here are what grants call them.
      const key = `${this.name}/${name}`
      if (problem === undefined) this.definitionProblems.delete(key)
      else if (this.definitionProblems.get(key) !== problem) {
        this.definitionProblems.set(key, problem)
        if (offered !== undefined) this.#options.onDefinition(name, offered, problem)
      }
    }
  }

  #take(definition: JsonObject, operation: 'tool' | 'prompt', definitions: Map<ToolName, OfferedDefinition>): void {
    if (typeof definition.name !== 'string' || definition.name.length === 0 || definition.name.length > 200) return
    const name = grantedName(operation, definition.name.replaceAll(/\p{Cc}/gu, ''))
    // What nobody declared is nothing to us, however large it is.
    const known = this.contracts.get(name)
    if (known === undefined) return
    const { pinned } = known
    // Offered twice under one name, it is what was accepted only if both are: once one is not, others change nothing.
    const before = definitions.get(name)
    if (before !== undefined && before.digest !== pinned?.digest) return
    const offered = operation === 'prompt' ? promptDefinition(definition) : definition
    const digest = definitionDigest(offered, pinned?.anyWords)
    const differs = digest !== pinned?.digest
    const words = differs && pinned !== undefined && definitionDigest(offered, true) === known.wordless
    if (before === undefined || differs) definitions.set(name, { digest, words })
  }
}

/** Returns the upstreams of a cell that speak MCP. */
export function mcpUpstreams({ upstreams }: ServedCell): readonly McpUpstream[] {
  return [...upstreams.values()].filter((line) => line instanceof McpUpstream)
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

function problemOf({ pinned }: McpContract, offered: Sha256 | undefined): DefinitionProblem | undefined {
  if (pinned === undefined) return 'not accepted'
  if (offered === undefined) return 'withdrawn by its upstream'
  return offered === pinned.digest ? undefined : 'changed since it was accepted'
}

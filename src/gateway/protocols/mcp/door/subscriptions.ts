import type { ServerResponse } from 'node:http'
import { isJsonObject, type JsonObject, LIMITS } from '../../../../model/index.ts'
import type { ServedCell } from '../../../admission/served-cell.ts'
import type { Room } from '../../../fairness/room.ts'
import { mcpUpstreams } from '../contract/upstream.ts'
import { META } from '../revision.ts'
import { RPC, type RpcId, rpcError } from '../rpc.ts'
import type { ListName } from '../server/connection.ts'
import { sseText } from '../sse.ts'
import { Reply } from './reply.ts'
import type { Session, Sessions } from './sessions.ts'

const WANTED: Readonly<Record<ListName, string>> = {
  tools: 'toolsListChanged',
  prompts: 'promptsListChanged',
  resources: 'resourcesListChanged',
}

/**
 * Tells a cell that a list of its has changed: on the stream that `subscriptions/listen` opens (2026-07-28) and on the
 * one that a session opens with GET (before). Nothing that an upstream wrote travels here, only that there is news.
 */
export class Subscriptions {
  readonly #cell: ServedCell
  readonly #sessions: Sessions
  readonly #unread: Room
  readonly #open = new Map<ServerResponse, { readonly id: RpcId; readonly lists: ReadonlySet<ListName> }>()
  readonly #unsubscribe: readonly (() => void)[]

  constructor(cell: ServedCell, sessions: Sessions, unread: Room) {
    this.#cell = cell
    this.#sessions = sessions
    this.#unread = unread
    this.#unsubscribe = mcpUpstreams(cell).map((upstream) => upstream.onListChanged((list) => this.#tell(list)))
  }

  listen(id: RpcId, params: JsonObject, response: ServerResponse): void {
    const reply = new Reply(response, this.#unread)
    const { notifications } = params
    if (!isJsonObject(notifications))
      return reply.answer(id, rpcError(RPC.invalidParams, 'subscriptions/listen takes notifications'))
    if (this.#open.size >= LIMITS.streamsMax) {
      return reply.answer(id, rpcError(RPC.internalError, `at most ${LIMITS.streamsMax} subscriptions may be open`))
    }
    const lists = new Set(
      (['tools', 'prompts', 'resources'] as const).filter((list) => notifications[WANTED[list]] === true),
    )
    const honoured = Object.fromEntries([...lists].map((list) => [WANTED[list], true]))
    const _meta = { [META.subscription]: id }
    reply.notify('notifications/subscriptions/acknowledged', { notifications: honoured, _meta })
    if (lists.size === 0) return reply.answer(id, { result: { resultType: 'complete', _meta } })
    this.#open.set(response, { id, lists })
    response.once('close', () => this.#open.delete(response))
  }

  stream(session: Session, response: ServerResponse): void {
    // One stream for a session: a second one takes its place.
    session.stream?.end()
    session.stream = response
    new Reply(response, this.#unread, { 'mcp-session-id': session.id }).open()
    response.once('close', () => {
      if (session.stream === response) session.stream = undefined
    })
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    for (const response of this.#open.keys()) response.end()
  }

  #tell(list: ListName): void {
    if (this.#cell.gone.signal.aborted) return
    const method = `notifications/${list}/list_changed`
    for (const [response, { id, lists }] of this.#open) {
      if (lists.has(list)) write(response, method, { _meta: { [META.subscription]: id } })
    }
    for (const { stream } of this.#sessions.all()) if (stream !== undefined) write(stream, method, {})
  }
}

/** A cell that does not read its stream loses it, rather than our memory. */
function write(response: ServerResponse, method: string, params: JsonObject): void {
  if (response.writableLength > LIMITS.frameBytesMax) response.destroy()
  else response.write(sseText(JSON.stringify({ jsonrpc: '2.0', method, params })))
}

import { isJsonObject, type Json, type JsonObject } from '../../../model/index.ts'

/** The revisions of MCP that Firebreak speaks, towards cells and towards upstreams, newest first. */
export const MODERN = '2026-07-28'
export const SESSION_REVISIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const

export type SessionRevision = (typeof SESSION_REVISIONS)[number]
export type Revision = typeof MODERN | SessionRevision

/** List of all revisions that are spoken, as messages name them. */
export const SPOKEN: string = [MODERN, ...SESSION_REVISIONS].join(', ')

export function isSessionRevision(version: unknown): version is SessionRevision {
  return SESSION_REVISIONS.some((known) => known === version)
}

export function isRevision(version: unknown): version is Revision {
  return version === MODERN || isSessionRevision(version)
}

/** True where each request over HTTP says its revision in `MCP-Protocol-Version`: from 2025-06-18 on. */
export function saysVersion(revision: Revision): boolean {
  return revision >= '2025-06-18'
}

/** Keys of `_meta` in 2026-07-28. */
export const META = {
  version: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const

export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export function isLogLevel(level: Json | undefined): level is LogLevel {
  return LOG_LEVELS.some((known) => known === level)
}

/** Results that 2026-07-28 lets a client keep. Ours hold for one cell and for no time: a grant can end at any moment. */
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
])

/** Gives a result the form that 2026-07-28 wants. */
export function modernResult(method: string, result: JsonObject, serverInfo: JsonObject): JsonObject {
  const meta = isJsonObject(result._meta) ? result._meta : {}
  return {
    ...result,
    resultType: 'complete',
    ...(CACHEABLE.has(method) ? { ttlMs: 0, cacheScope: 'private' } : {}),
    _meta: { ...meta, [META.serverInfo]: serverInfo },
  }
}

/** Takes from a result what only 2026-07-28 puts there, so that one form goes through the gateway. */
export function plainResult(result: JsonObject): JsonObject {
  const { resultType: _, ttlMs: __, cacheScope: ___, _meta, ...rest } = result
  if (!isJsonObject(_meta)) return rest
  const meta = Object.fromEntries(Object.entries(_meta).filter(([key]) => !key.startsWith('io.modelcontextprotocol/')))
  return Object.keys(meta).length === 0 ? rest : { ...rest, _meta: meta }
}

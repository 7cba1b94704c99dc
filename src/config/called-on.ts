import { isWebSocket, type Operation, operationIn } from '../model/index.ts'
import type { UpstreamConfig } from './config.ts'

/** An operation that the tools of an upstream can be: what its protocol calls one. */
export type ToolOperation = Exclude<Operation, 'resource' | 'prompt' | `${string}.connect`>

/** Returns the operation that the tools of an upstream are: those of an MCP server are tools. */
export function calledOn({ server }: Pick<UpstreamConfig, 'server'>): ToolOperation {
  if (server.kind !== 'origin') return 'tool'
  if (server.packages !== undefined) return 'package'
  if (server.git !== undefined) return 'git'
  if (server.tunnel === true) return 'tunnel'
  return server.model === undefined ? 'request' : 'model'
}

/**
 * Tells whether fields of a tool's answer can be read where something declared needs them: those of an MCP tool, and of a
 * request that is no WebSocket. Every other answer passes on as it comes.
 */
export function isAnswerRead(upstream: Pick<UpstreamConfig, 'server'>, tool: string): boolean {
  const operation = calledOn(upstream)
  return operation === 'tool' || (operation === 'request' && !isWebSocket(operationIn(tool).tool))
}

/** Tells whether an OpenAPI document describes what may be asked of an upstream: each operation is then accepted by a person. */
export function isDocumented({ server }: Pick<UpstreamConfig, 'server'>): boolean {
  return server.kind === 'origin' && server.openapi !== undefined
}

/**
 * Returns the upstreams that tell what they offer, by themselves or by a document, so that a person accepts it. Of every other
 * one its protocol and the configuration say it all.
 */
export function offering<T extends Pick<UpstreamConfig, 'server'>>(upstreams: Iterable<T>): readonly T[] {
  return [...upstreams].filter((upstream) => calledOn(upstream) === 'tool' || isDocumented(upstream))
}

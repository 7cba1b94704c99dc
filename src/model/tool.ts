import type { Effect, Operation } from './action.ts'
import { type EnvironmentName, type Sha256, type ToolName, toolName, type UpstreamName } from './ids.ts'
import type { JsonObject } from './json.ts'

/** A definition that a person accepted: what an upstream said a tool is, and the digest that it must go on having. */
export interface PinnedTool {
  readonly name: ToolName
  /** SHA-256 of the definition's RFC 8785 form. */
  readonly digest: Sha256
  /** The definition as the upstream sent it (name, description, inputSchema, outputSchema, annotations, …). */
  readonly definition: JsonObject
}

/** What the configuration says of a tool. The upstream's own annotations are never believed. */
export interface DeclaredTool {
  readonly name: ToolName
  readonly effect: Effect
  /** For `spend`: JSON paths of the arguments that carry the amount and the currency. */
  readonly amount?: string
  readonly currency?: string
}

/** Everything a policy can name: built from the configuration and the accepted definitions. */
export interface Catalogue {
  readonly upstreams: ReadonlyMap<UpstreamName, CatalogueUpstream>
}

export interface CatalogueUpstream {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly tools: ReadonlyMap<ToolName, CatalogueTool>
}

export interface CatalogueTool {
  readonly declared: DeclaredTool
  /** Absent until a person accepts a definition; such a tool is refused. */
  readonly pinned?: PinnedTool
}

/**
 * How a grant, the catalogue and Cedar name an operation of an upstream: a tool by its name, a resource as
 * `resource:<uri or template>`, a prompt as `prompt:<name>`. A tool whose own name begins like that is written
 * `tool:<name>`: an upstream that names a tool `resource:file:///x` does not get what was granted for that resource.
 */
export function grantedName(operation: Operation, tool: string): ToolName {
  if (operation !== 'tool') return toolName(`${operation}:${tool}`)
  return toolName(/^(?:tool|resource|prompt):/.test(tool) ? `tool:${tool}` : tool)
}

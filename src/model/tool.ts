import type { Effect } from './action.ts'
import type { EnvironmentName, Sha256, ToolName, UpstreamName } from './ids.ts'
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

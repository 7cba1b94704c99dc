import type { Effect } from './action.ts'
import type { EnvironmentName, Sha256, ToolName, UpstreamName } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { Label } from './label.ts'
import type { JsonPath } from './text/path.ts'
import type { Check, Undo } from './undo.ts'

/** A definition that a person accepted: what an upstream said a tool is, and the digest that it must go on having. */
export interface PinnedTool {
  readonly name: ToolName
  /** SHA-256 of the definition's RFC 8785 form. */
  readonly digest: Sha256
  /** The definition as the upstream sent it, in the words of its protocol. */
  readonly definition: JsonObject
  /** The JSON Schema of its arguments, which its protocol has read out of the definition; absent where there is none. */
  readonly input?: JsonObject
  /** The JSON Schema of its answers, where its protocol judges them by that alone. */
  readonly output?: JsonObject
  /**
   * True where the descriptions may be others when it is offered: whoever accepted it did not bind them. Cells are
   * shown those here.
   */
  readonly anyWords?: true
}

/** A tool as the configuration declares it. The upstream's own annotations are never believed. */
export interface DeclaredTool {
  readonly name: ToolName
  readonly effect: Effect
  /** For `spend`: JSON paths of the arguments that carry the amount and the currency. */
  readonly amount?: string
  readonly currency?: string
  /** Path of the rows in its result: a list that is counted, or a number. `maxRows` is how many one answer may have. */
  readonly rows?: JsonPath
  readonly maxRows?: number
  /** Milliseconds that its upstream may say nothing of a call, its progress neither; absent: as long as of anything. */
  readonly timeoutMs?: number
  /** The most that one answer may have; `LIMITS.answerBytesMax` where nothing is said. */
  readonly maxBytes?: number
  /** Path in its result of the amount that was charged. More than was reserved is always charged. */
  readonly settles?: JsonPath
  /** True where less than was reserved is believed, too. */
  readonly settlesDown?: boolean
  /** Labels of its results, field by field; undeclared fields are untrusted. */
  readonly returns?: readonly FieldLabels[]
  /**
   * Fields of its results that the upstream keeps unique as names of its own objects. Whoever was shown one may name the
   * object, whatever is known of the field as text.
   */
  readonly ids?: readonly JsonPath[]
  /** Labels that a cell may carry and still use this tool. */
  readonly accepts?: readonly Label[]
  /** Further sets of labels: a cell that carries nothing but what one of them has may use it, too. */
  readonly acceptsOneOf?: readonly (readonly Label[])[]
  /** Arguments that say where something goes, or which object it is done to. */
  readonly destinations?: readonly Destination[]
  /** Arguments that are neither: text that is only carried along. */
  readonly content?: readonly JsonPath[]
  /** True where links in its content may lead anywhere, not only to places that the cell was told. */
  readonly anyLinks?: boolean
  /** Fields of a result that no cell sees. */
  readonly mask?: readonly JsonPath[]
  /** The compensation of its effect; absent, there is none. */
  readonly undo?: Undo
  /** The check that tells whether its effect stands. */
  readonly check?: Check
}

/** The most specific path that matches a field decides. */
export interface FieldLabels {
  readonly path: JsonPath
  readonly labels: readonly Label[]
}

export interface Destination {
  readonly path: JsonPath
  /** Allowed by the configuration, whatever the task says; `null` where it may name nothing at all. */
  readonly values: readonly (string | null)[]
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

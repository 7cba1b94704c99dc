import {
  definitionDigest,
  definitionFault,
  inputIn,
  promptDefinition,
} from '../../gateway/protocols/mcp/contract/definition.ts'
import { type DeclaredTool, grantedName, type JsonObject, type ToolName, type UpstreamName } from '../../model/index.ts'
import { type ListedValues, listedValues } from '../../policy/index.ts'
import type { Inspected } from '../prepare/inspect.ts'
import type { Judged } from '../prepare/setup.ts'

/** One definition that differs from what was accepted. */
export interface DefinitionChange {
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly definition: JsonObject
  /** `words`: only its descriptions differ. `binding`: nothing but whether they are compared. */
  readonly kind: 'new' | 'changed' | 'words' | 'binding'
  readonly anyWords: boolean
  readonly before?: JsonObject
  /** Values of arguments that need nobody's approval once it is accepted, and did not before. */
  readonly listed: readonly ListedValues[]
  /** Reason why it cannot be accepted. */
  readonly problem?: string
  /** Other upstreams that offer a tool of the same name. */
  readonly shadows: readonly UpstreamName[]
}

/** The request of a person: only some tools, and whether descriptions are bound; as they were accepted where absent. */
export interface AcceptAsk {
  readonly only: ReadonlySet<string>
  readonly anyWords?: boolean
}

/** Returns the definitions that differ from what was accepted, of the tools that the configuration declares. */
export function changesIn(
  { config, accepted }: Judged,
  offered: ReadonlyMap<UpstreamName, Inspected>,
  { only, anyWords }: AcceptAsk,
): readonly DefinitionChange[] {
  const homes = new Map<ToolName, UpstreamName[]>()
  const found: Omit<DefinitionChange, 'shadows'>[] = []
  for (const [upstream, offer] of offered) {
    if ('problem' in offer) continue
    const declared = config.upstreams.get(upstream)?.tools
    for (const [tool, definition] of definitionsIn(offer)) {
      homes.set(tool, [...(homes.get(tool) ?? []), upstream])
      // What the configuration does not declare cannot be granted: there is nothing to accept.
      if (declared?.has(tool) !== true || (only.size > 0 && !only.has(tool))) continue
      const before = accepted.get(upstream)?.get(tool)
      const bound = { was: before?.anyWords === true, is: anyWords ?? before?.anyWords === true }
      const same = before?.digest === definitionDigest(definition, bound.was)
      if (same && bound.was === bound.is) continue
      const problem = definitionFault(definition)
      found.push({
        upstream,
        tool,
        definition,
        kind: before === undefined ? 'new' : same ? 'binding' : differing(before.definition, definition),
        anyWords: bound.is,
        listed: newlyListed(declared.get(tool), definition, before?.definition),
        ...(before && { before: before.definition }),
        ...(problem !== undefined && { problem }),
      })
    }
  }
  return found.map((change) => ({
    ...change,
    shadows: (homes.get(change.tool) ?? []).filter((name) => name !== change.upstream),
  }))
}

function newlyListed(
  declared: DeclaredTool | undefined,
  definition: JsonObject,
  before: JsonObject | undefined,
): readonly ListedValues[] {
  if (declared === undefined) return []
  const known = new Map(listedValues(before && inputIn(before), declared).map(({ path, values }) => [path, values]))
  return listedValues(inputIn(definition), declared).flatMap(({ path, values }) => {
    const was = new Set((known.get(path) ?? []).map((value) => JSON.stringify(value)))
    const more = values.filter((value) => !was.has(JSON.stringify(value)))
    return more.length > 0 ? [{ path, values: more }] : []
  })
}

function differing(before: JsonObject, after: JsonObject): 'words' | 'changed' {
  return definitionDigest(before, true) === definitionDigest(after, true) ? 'words' : 'changed'
}

/** Returns tools and prompts under the names that grants call them by. */
export function definitionsIn({
  tools,
  prompts,
  asRequests,
}: Pick<Extract<Inspected, { readonly tools: unknown }>, 'tools' | 'prompts' | 'asRequests'>): readonly (readonly [
  ToolName,
  JsonObject,
])[] {
  return [
    ...tools.map((tool) => [nameOf(asRequests ? 'request' : 'tool', tool), tool] as const),
    ...prompts.map((prompt) => [nameOf('prompt', prompt), promptDefinition(prompt)] as const),
  ].flatMap(([name, definition]) => (name === undefined ? [] : [[name, definition] as const]))
}

function nameOf(operation: 'tool' | 'request' | 'prompt', { name }: JsonObject): ToolName | undefined {
  return typeof name === 'string' && name !== '' && name.length <= 200 && !/\p{Cc}/u.test(name)
    ? grantedName(operation, name)
    : undefined
}

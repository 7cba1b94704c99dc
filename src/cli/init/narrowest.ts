import type { Agent } from '../../config/config.ts'
import { yamlText } from '../../host/prepare/tool-stub.ts'
import { operationIn, type ToolName } from '../../model/index.ts'
import { granted, tightened } from '../../rehearsal/proposed-config.ts'
import type { ReachedFor } from './reached-for.ts'

/** A text that is proposed in the place of a configuration's. */
export interface NarrowestText {
  readonly text: string
  /** Grants that could not be changed without rewriting more of the file, in words. */
  readonly byHand: readonly string[]
}

/**
 * Returns the text of a configuration in which an agent is granted what it used and nothing else: each grant keeps what was
 * used of it, as it was written, and what was used beside them gets a grant with the calls of the busiest day.
 */
export function narrowestText(
  text: string,
  { name, grants }: Pick<Agent, 'name' | 'grants'>,
  { used }: Pick<ReachedFor, 'used'>,
): NarrowestText {
  const byHand: string[] = []
  let proposed = text
  const write = (what: string, next: string | undefined) => {
    if (next === undefined) byHand.push(what)
    proposed = next ?? proposed
  }
  for (const [upstream, { tools, callsOfDay }] of used) {
    const own = new Set(grants.flatMap((grant) => (grant.upstream === upstream ? [...grant.tools] : [])))
    const fresh = [...tools].filter((tool) => !own.has(tool))
    if (fresh.length === 0) continue
    const members = [`upstream: ${upstream}`, ...listsOf(fresh), `budget: { calls: ${callsOfDay}/day }`, 'expires: 8h']
    write(`a grant of ${fresh.join(', ')} of ${upstream}`, granted(proposed, name, `{ ${members.join(', ')} }`))
  }
  // From the last on: taking one out moves those behind it.
  for (const [i, { upstream, tools }] of [...grants.entries()].toReversed()) {
    const keep = [...tools].filter((tool) => used.get(upstream)?.tools.has(tool) === true)
    if (keep.length === tools.size) continue
    const all = [...tools].every((tool) => keyOf(tool) === 'tools')
    const change = { kind: 'tools', grant: i, keep: keep.map(writtenName) } as const
    write(`grant ${i + 1}, on ${upstream}`, all ? tightened(proposed, name, change) : undefined)
  }
  return { text: proposed, byHand }
}

/** Returns the members of a grant that name operations. */
function listsOf(tools: readonly ToolName[]): readonly string[] {
  const all = Map.groupBy(tools, keyOf)
  return [...all].map(([key, names]) => `${key}: [${names.map((name) => yamlText(writtenName(name))).join(', ')}]`)
}

function keyOf(tool: ToolName): 'tools' | 'resources' | 'prompts' {
  const { operation } = operationIn(tool)
  return operation === 'resource' ? 'resources' : operation === 'prompt' ? 'prompts' : 'tools'
}

/** Returns the name of an operation as a grant in a file has it. */
function writtenName(tool: ToolName): string {
  return operationIn(tool).tool
}

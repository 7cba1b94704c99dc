import type { Json } from '../../model/json.ts'
import type { CatalogueTool } from '../../model/tool.ts'
import { type ArgumentType, argumentsOf } from '../decide/argument-type.ts'
import type { Flow } from '../flow/flow.ts'

/**
 * The places that one argument may lead to without a person. `named`: only to a value that is listed, or that the task
 * or a trusted field names. `content`: carried, with its links judged once the cell has read what anyone can write;
 * `carried` where they are not. `free`: anything.
 */
export interface ArgumentReach {
  readonly path: string
  readonly leads: 'named' | 'content' | 'carried' | 'free'
  /** Values that the configuration always allows, for `named`. */
  readonly values: readonly string[]
  /** True for `named` where the argument may be neither left out nor empty. */
  readonly needed?: boolean
}

/**
 * Finds where arguments may lead by asking the very tree that decisions walk, with a value of every shape that the
 * definition allows.
 */
export function argumentsReach({ pinned }: CatalogueTool, flow: Flow): readonly ArgumentReach[] {
  if (pinned === undefined) return []
  const found = new Map<string, ArgumentReach>()
  flow.arguments.walk(sample(argumentsOf(pinned)), flow.otherwise, (_, role, path, what) => {
    if (what === 'name') return
    const place = path().replaceAll(/\[\d+\]/g, '[*]')
    const leads = what === 'number' && role === flow.otherwise ? 'free' : leadsOf(role.kind, flow)
    const listed = role.kind === 'destination' ? role.values : new Set<string | null>()
    const needed = role.kind === 'destination' && role !== flow.otherwise && !listed.has(null)
    const values = [...listed].filter((value) => value !== null).sort()
    found.set(place, { path: place, leads, values, ...(needed && { needed }) })
  })
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

function leadsOf(kind: 'destination' | 'content' | 'free', { anyLinks, effect }: Flow): ArgumentReach['leads'] {
  if (kind === 'destination') return 'named'
  if (kind === 'content') return anyLinks || effect === 'read' ? 'carried' : 'content'
  return 'free'
}

/** A text or a number wherever there may be one. What a schema leaves open is taken for a text. */
function sample(type: ArgumentType): Json {
  switch (type.kind) {
    case 'record':
      return Object.fromEntries(Object.entries(type.fields).map(([name, field]) => [name, sample(field.type)]))
    case 'set':
      return [sample(type.element)]
    case 'long':
    case 'decimal':
      return 1
    case 'boolean':
      return true
    case 'string':
    case 'opaque':
      return '?'
  }
}

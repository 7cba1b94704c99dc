import { definitionFault, inputIn } from '../../gateway/protocols/mcp/contract/definition.ts'
import { type Effect, isJsonObject, type JsonObject, withUnseen } from '../../model/index.ts'
import type { Inspected } from './inspect.ts'

/** An entry under `tools:` for a tool that nobody has judged yet. */
export interface ToolStub {
  readonly name: string
  readonly effect: Effect
  /** Text arguments at its top: of a tool that is not a read, each leads somewhere until a person says that it is content. */
  readonly text: readonly string[]
}

/**
 * The safe reading of what a server says of its own tool (MCP, ToolAnnotations): what it does not call harmless cannot be
 * taken back. It is the server's word, for a person to check, and no boundary.
 */
export function toolStub(definition: JsonObject): ToolStub | undefined {
  const { name, annotations } = definition
  if (typeof name !== 'string' || name === '' || name.length > 200 || /\p{Cc}/u.test(name)) return undefined
  const hints = isJsonObject(annotations) ? annotations : {}
  const effect = hints.readOnlyHint === true ? 'read' : hints.destructiveHint === false ? 'write' : 'irreversible'
  const properties = inputIn(definition)?.properties
  const named = isJsonObject(properties) ? Object.entries(properties) : []
  const text = named.flatMap(([argument, schema]) =>
    isJsonObject(schema) && schema.type === 'string' && /^[A-Za-z_]\w{0,60}$/.test(argument) ? [`$.${argument}`] : [],
  )
  return { name, effect, text }
}

/** Stubs of the tools that could be accepted; and of each other one, why not. */
export function stubsOf({ tools, lost }: Pick<Extract<Inspected, { readonly tools: unknown }>, 'tools' | 'lost'>): {
  readonly stubs: readonly ToolStub[]
  readonly unfit: readonly { readonly name: string; readonly why: string }[]
} {
  const stubs: ToolStub[] = []
  const unfit = lost.map(({ name, why }) => ({ name, why: `it cannot be read: ${why}` }))
  for (const tool of tools) {
    const stub = toolStub(tool)
    const fault = definitionFault(tool)
    if (fault !== undefined) unfit.push({ name: String(tool.name), why: fault })
    else if (stub !== undefined) stubs.push(stub)
  }
  return { stubs, unfit }
}

/** Lines of YAML, one for each tool, harmless ones first. */
export function stubLines(stubs: readonly ToolStub[], indent: string): readonly string[] {
  const order = ['read', 'write', 'spend', 'irreversible'] as const
  return stubs
    .toSorted((a, b) => order.indexOf(a.effect) - order.indexOf(b.effect))
    .map(({ name, effect, text }) => {
      const leads = effect === 'read' || text.length === 0 ? '' : `   # leads somewhere: ${text.join(', ')}`
      return `${indent}${yamlText(name)}: { effect: ${effect}, returns: [untrusted] }${leads}`
    })
}

/** A scalar that YAML reads as this text and nothing else (`.inf` is a number), and that shows a reader all of it. */
export function yamlText(text: string): string {
  const plain =
    /^(?:[A-Za-z_/]|\.{1,2}\/)[\w./@-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n|e-?\d+)$/i.test(text)
  return plain ? text : yamlQuoted(text)
}

/** The same in quotes, which stands anywhere. */
export function yamlQuoted(text: string): string {
  return withUnseen(JSON.stringify(text), escaped)
}

function escaped(character: string): string {
  return `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`
}

import type { CompiledAction } from '../cedar/compile.ts'

/** The part of an action that lists of tools are asked about. */
export type NamedAction = Pick<CompiledAction, 'entity' | 'upstream' | 'isConnection'>

/**
 * Tells whether a list of tools (`upstream/tool`) covers an action: a call by its name, a connection by any tool of its
 * upstream, since it is made on the word of whoever may use one.
 */
export function namesAction(tools: ReadonlySet<string>, { entity, upstream, isConnection }: NamedAction): boolean {
  if (tools.has(entity.id) || !isConnection) return tools.has(entity.id)
  return [...tools].some((tool) => tool.startsWith(`${upstream}/`))
}

import {
  type Check,
  type DeclaredTool,
  grantedName,
  isWebSocket,
  jsonPath,
  type Operation,
  type Problem,
  referencesIn,
  type Source,
  TEMPLATE_TEXT,
  type ToolName,
  type Undo,
} from '../../model/index.ts'
import type { UndoConfig, UpstreamConfig } from '../config.ts'
import { knownNames } from '../known-names.ts'
import type { ShapedTool } from '../schema.ts'

type ShapedUndo = NonNullable<ShapedTool['undo']>['value']
type ShapedCheck = NonNullable<ShapedTool['check']>['value']

export function undoFrom({ tool, args = {} }: ShapedUndo, operation: Operation): Undo {
  return { tool: grantedName(operation, tool), args }
}

export function checkFrom({ tool, args = {}, undone }: ShapedCheck, operation: Operation): Check {
  const fields = [...undone].flatMap(([field, values]) => {
    const path = jsonPath(field)
    return path === undefined ? [] : [{ path, values }]
  })
  return { tool: grantedName(operation, tool), args, undone: fields }
}

/** Returns the problems in the undo and the check of each tool of one upstream; `tools` holds all its tools, `operation` is what they are. */
export function undoProblems(
  shaped: ReadonlyMap<string, ShapedTool>,
  tools: ReadonlyMap<ToolName, DeclaredTool>,
  operation: Operation,
): readonly Problem[] {
  const named = (tool: string) => tools.get(grantedName(operation, tool))
  return [...shaped].flatMap(([name, { effect, undo, check }]) => [
    ...(undo === undefined ? [] : faultsOfUndo(name, effect, undo, tools, named(undo.value.tool))),
    ...(check === undefined ? [] : faultsOfCheck(name, effect, check, tools, named(check.value.tool))),
  ])
}

function faultsOfUndo(
  name: string,
  effect: DeclaredTool['effect'],
  { value: { tool, args = {} }, source }: NonNullable<ShapedTool['undo']>,
  tools: ReadonlyMap<ToolName, DeclaredTool>,
  found: DeclaredTool | undefined,
): readonly Problem[] {
  const problems: Problem[] = templateProblems(`the undo of "${name}"`, args, source)
  const say = (message: string, expected: string) => problems.push({ source, message, expected })
  if (effect === 'read') say(`"${name}" reads, and has nothing to undo`, 'no undo')
  if (effect === 'irreversible') say(`"${name}" is irreversible, and declares an undo`, 'effect: write or spend')
  if (tool === name) say(`"${name}" is declared to undo itself`, 'the tool that compensates it')
  else if (found === undefined) say(undeclared('undo', name, tool), namesOf(tools))
  else if (found.effect === 'read') say(`"${tool}" reads: it undoes nothing`, 'a tool with an effect')
  if (isWebSocket(tool)) say(`"${tool}" is a WebSocket: nobody else than a cell can open one`, 'a request')
  return problems
}

function faultsOfCheck(
  name: string,
  effect: DeclaredTool['effect'],
  { value: { tool, args = {}, undone }, source }: NonNullable<ShapedTool['check']>,
  tools: ReadonlyMap<ToolName, DeclaredTool>,
  found: DeclaredTool | undefined,
): readonly Problem[] {
  const problems: Problem[] = templateProblems(`the check of "${name}"`, args, source)
  const say = (message: string, expected: string) => problems.push({ source, message, expected })
  if (effect === 'read') say(`"${name}" reads, and has no effect to check`, 'no check')
  if (found === undefined) say(undeclared('check', name, tool), namesOf(tools))
  else if (found.effect !== 'read') say(`"${tool}" has an effect: it cannot be a check`, 'a tool with effect: read')
  if (isWebSocket(tool)) say(`"${tool}" is a WebSocket, and has no answer to look at`, 'a request with effect: read')
  if (undone.size === 0) say(`the check of "${name}" says nothing`, 'undone: a field of its answer and what it says')
  for (const field of undone.keys())
    if (field.includes('[*]')) say(`the check of "${name}" looks into a list: ${field}`, 'one field, like $.state')
  return problems
}

function templateProblems(what: string, args: ShapedUndo['args'], source: Source): Problem[] {
  if (referencesIn(args ?? {}).every((reference) => reference !== false)) return []
  return [{ source, message: `an argument of ${what} begins with "$" and names nothing`, expected: TEMPLATE_TEXT }]
}

function undeclared(word: string, name: string, tool: string): string {
  return `the ${word} of "${name}" is "${tool}", which is not declared on the same upstream`
}

/**
 * Returns the problems of an undo's grants: each may name only tools that some tool declares as its undo or its check.
 */
export function undoGrantProblems(
  { grants }: UndoConfig,
  upstreams: ReadonlyMap<string, UpstreamConfig>,
): readonly Problem[] {
  return grants.flatMap(({ upstream, tools, source }) => {
    const declared = [...(upstreams.get(upstream)?.tools.values() ?? [])]
    const used = new Set(declared.flatMap(({ undo, check }) => [undo?.tool, check?.tool]))
    const unused = [...tools].filter((tool) => declared.some(({ name }) => name === tool) && !used.has(tool))
    return unused.map((tool) => ({
      source,
      message: `undo is granted "${tool}", which is no tool's undo or check`,
      expected: `one of: ${[...used].filter((each) => each !== undefined).join(', ') || 'undo: or check: under a tool'}`,
    }))
  })
}

function namesOf(tools: ReadonlyMap<ToolName, DeclaredTool>): string {
  return knownNames(tools.keys())
}

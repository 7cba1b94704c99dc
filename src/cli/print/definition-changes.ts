import {
  comparable,
  definitionDigest,
  definitionFault,
  inputIn,
  promptDefinition,
} from '../../gateway/protocols/mcp/contract/definition.ts'
import type { Inspected } from '../../host/prepare/inspect.ts'
import type { Judged } from '../../host/prepare/setup.ts'
import {
  type DeclaredTool,
  grantedName,
  isJsonObject,
  type Json,
  type JsonObject,
  stepText,
  type ToolName,
  type UpstreamName,
} from '../../model/index.ts'
import { type ListedValues, listedValues } from '../../policy/index.ts'
import { named, plain } from './printable.ts'

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
export interface Asking {
  readonly only: ReadonlySet<string>
  readonly anyWords?: boolean
}

export function changesIn(
  { config, accepted }: Judged,
  offered: ReadonlyMap<UpstreamName, Inspected>,
  { only, anyWords }: Asking,
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

/** Tools and prompts under the names that grants call them by. */
export function definitionsIn({
  tools,
  prompts,
}: Pick<Extract<Inspected, { readonly tools: unknown }>, 'tools' | 'prompts'>): readonly (readonly [
  ToolName,
  JsonObject,
])[] {
  return [
    ...tools.map((tool) => [nameOf('tool', tool), tool] as const),
    ...prompts.map((prompt) => [nameOf('prompt', prompt), promptDefinition(prompt)] as const),
  ].flatMap(([name, definition]) => (name === undefined ? [] : [[name, definition] as const]))
}

function nameOf(operation: 'tool' | 'prompt', { name }: JsonObject): ToolName | undefined {
  return typeof name === 'string' && name !== '' && name.length <= 200 && !/\p{Cc}/u.test(name)
    ? grantedName(operation, name)
    : undefined
}

/**
 * Returns the lines that a person reads before accepting: every member that is new, and what is different, in the
 * upstream's own words. They leave nothing out: what is accepted has been shown.
 */
export function changeText(change: DefinitionChange): readonly string[] {
  const { upstream, tool, definition, kind, before, anyWords, problem, shadows, listed } = change
  const name = `${upstream}/${named(tool)}`
  return [
    `${kind === 'new' ? '+' : '~'} ${name}`,
    ...(before === undefined ? membersText(definition) : differencesText(before, definition)),
    ...(kind === 'binding'
      ? [`    its descriptions are ${anyWords ? 'not compared any more' : 'compared from now on'}`]
      : []),
    ...(kind === 'words' && !anyWords
      ? [
          `    only its descriptions differ; to accept it whatever they say: --without-descriptions --tool ${named(tool)}`,
        ]
      : []),
    ...listed.map(
      ({ path, values }) =>
        `    ! whoever accepts it agrees to each of these, wherever it leads: ${shown(path)}: ${values.map((value) => shown(JSON.stringify(value))).join(', ')}`,
    ),
    ...shadows.map(
      (other) => `    ! a tool of the same name is offered by "${other}": an agent may mistake one for the other`,
    ),
    ...(problem === undefined ? [] : [`    ! cannot be accepted: ${plain(problem, 1)}`]),
  ]
}

function membersText(definition: JsonObject): readonly string[] {
  return Object.entries(definition).map(
    ([member, value]) => `    ${shown(placeIn(stepText(member)))}: ${shown(JSON.stringify(value))}`,
  )
}

/** A definition is no member of anything: a place in it begins with a name. */
function placeIn(steps: string): string {
  return steps.replace(/^\./, '')
}

/** Honest descriptions are indented; a longer run pushes text out of sight. */
const SPACES_MAX = 16

function shown(text: string): string {
  return plain(text, SPACES_MAX)
}

function differencesText(before: JsonObject, after: JsonObject): readonly string[] {
  return [...differencesIn(comparable(before, false), comparable(after, false), '')].flatMap(({ path, was, is }) => {
    const [old, now] = partsThatDiffer(was, is)
    return [
      `    ${shown(placeIn(path))}`,
      `      - ${old === undefined ? '(nothing)' : shown(unlikeOurs(old))}`,
      `      + ${now === undefined ? '(gone)' : shown(unlikeOurs(now))}`,
    ]
  })
}

/** Returns a text of an upstream so that nobody takes it for a word of ours: one that begins as ours do stands in quotes. */
function unlikeOurs(text: string): string {
  return /^[\s\p{Cf}]*\(/u.test(text) ? JSON.stringify(text) : text
}

interface Difference {
  readonly path: string
  readonly was: Json | undefined
  readonly is: Json | undefined
}

/** Yields the differences of two values place by place, down to the text, number or list that differs. */
function* differencesIn(was: Json | undefined, is: Json | undefined, path: string): Generator<Difference> {
  if (isJsonObject(was) && isJsonObject(is)) {
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)]))
      yield* differencesIn(own(was, name), own(is, name), `${path}${stepText(name)}`)
  } else if (JSON.stringify(was) !== JSON.stringify(is)) yield { path, was, is }
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** Returns the parts that differ: of two texts the words, with a few around them; of everything else all of it. */
function partsThatDiffer(
  was: Json | undefined,
  is: Json | undefined,
): readonly [string | undefined, string | undefined] {
  const whole = (value: Json | undefined) => (value === undefined ? undefined : JSON.stringify(value))
  if (typeof was !== 'string' || typeof is !== 'string') return [whole(was), whole(is)]
  const [old, now] = [was.split(' '), is.split(' ')]
  let head = 0
  while (head < Math.min(old.length, now.length) && old[head] === now[head]) head++
  let tail = 0
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++
  const part = (words: readonly string[]) => {
    const [from, to] = [Math.max(0, head - WORDS_AROUND), Math.min(words.length, words.length - tail + WORDS_AROUND)]
    const text = words.slice(from, to).join(' ')
    return `${from > 0 ? '… ' : ''}${text}${to < words.length ? ' …' : ''}`
  }
  return [part(old), part(now)]
}

const WORDS_AROUND = 4

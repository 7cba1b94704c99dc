import { comparable } from '../../gateway/protocols/mcp/contract/definition.ts'
import type { DefinitionChange } from '../../host/accept/definition-changes.ts'
import { isJsonObject, type Json, type JsonObject, stepText } from '../../model/index.ts'
import { named, plain } from './printable.ts'

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

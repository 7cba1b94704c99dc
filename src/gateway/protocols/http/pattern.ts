import { caseless, no, ok, type Result, WEBSOCKET, withoutEnd } from '../../../model/index.ts'
import type { RequestTarget } from '../../web/request-target.ts'

/**
 * A kind of request, as a configuration names it: `GET /repos/{owner}/{repo}/issues?state&page`.
 *
 * - `{name}` is one segment that is not empty, `{name*}` at the end one or several; no name is one of `OWN_ARGUMENTS`
 * - names after `?` may stand in the query, each once; `name*` any number of times. No other query is sent.
 */
export interface RequestPattern {
  /** The pattern as it was written, its name everywhere. */
  readonly text: string
  readonly method: string
  readonly segments: readonly PatternSegment[]
  readonly query: ReadonlyMap<string, 'once' | 'often'>
}

type PatternSegment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'one' | 'rest'; readonly name: string }

/** Methods that a pattern may name (RFC 9110, 9.3, and RFC 5789). CONNECT and TRACE are not passed on. */
export const METHODS = [WEBSOCKET, 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

/** Arguments of a request that do not stand in its path: a segment of such a name would not be judged. */
const OWN_ARGUMENTS: ReadonlySet<string> = new Set(['query', 'headers', 'body', 'stream'])
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/
/** Characters of a segment that stand for themselves in a path (RFC 3986, 3.3). */
const PLAIN = /^[A-Za-z0-9._~!$&'()+,;=:@-]+$/
const QUERY_NAME = /^[A-Za-z0-9._~$:@[\]-]{1,64}$/

/** Reads a pattern; the error says what is wrong with it. */
export function readPattern(text: string): Result<RequestPattern, string> {
  const [, method = '', path = '', query] = /^([A-Z]+) (\/[^?]*)(?:\?(.*))?$/s.exec(text) ?? []
  if (method === '') return no('a request is a method and a path, like GET /repos/{owner}/{repo}')
  if (!METHODS.some((each) => each === method)) return no(`${method} is none of ${METHODS.join(', ')}`)
  const parts = path === '/' ? [''] : path.slice(1).split('/')
  const segments: PatternSegment[] = []
  const names = new Set<string>()
  for (const [i, part] of parts.entries()) {
    const [, name, star] = /^\{(.*?)(\*?)\}$/.exec(part) ?? []
    if (name !== undefined) {
      if (!NAME.test(name)) return no(`{${name}} is no name`)
      if (OWN_ARGUMENTS.has(name)) return no(`{${name}} is a name that this gate uses itself: write another`)
      if (names.has(name)) return no(`{${name}} stands there twice`)
      if (star === '*' && i < parts.length - 1) return no(`{${name}*} stands at the end, or not at all`)
      names.add(name)
      segments.push({ kind: star === '*' ? 'rest' : 'one', name })
    } else if (part === '' && i < parts.length - 1) return no('a path has no empty segments')
    else if (part !== '' && (!PLAIN.test(part) || part === '.' || part === '..'))
      return no(`${part} is no segment of a path: write letters, digits and -._~!$&'()+,;=:@, or {name}`)
    else segments.push({ kind: 'text', text: part })
  }
  const allowed = new Map<string, 'once' | 'often'>()
  for (const each of query === undefined ? [] : query.split('&')) {
    const name = each.endsWith('*') ? each.slice(0, -1) : each
    if (!QUERY_NAME.test(name))
      return no(`${each} is no name of a query: write names with & between them, like ?state&page`)
    if (allowed.has(name)) return no(`${name} stands twice in the query`)
    allowed.set(name, each.endsWith('*') ? 'often' : 'once')
  }
  return ok({ text, method, segments, query: allowed })
}

/** The arguments in a request's target: segments by their names, and its query. */
export interface TargetArguments {
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string | readonly string[]>>
}

/** Returns the arguments of a path that a pattern covers; undefined where it does not. The query is not looked at. */
export function matchPath(
  pattern: Pick<RequestPattern, 'segments'>,
  segments: readonly string[],
): TargetArguments['path'] | undefined {
  const found: [string, string][] = []
  for (const [i, part] of pattern.segments.entries()) {
    const segment = segments[i]
    if (part.kind === 'rest') {
      const rest = segments.slice(i)
      if (rest.length === 0 || rest[0] === '') return undefined
      found.push([part.name, rest.join('/')])
      return Object.fromEntries(found)
    }
    if (segment === undefined) return undefined
    if (part.kind === 'text' ? segment !== part.text : segment === '') return undefined
    if (part.kind === 'one') found.push([part.name, segment])
  }
  return segments.length === pattern.segments.length ? Object.fromEntries(found) : undefined
}

/** Returns the query of a request that a pattern lets through, or what of it is not declared. */
export function matchQuery(
  { query, text }: RequestPattern,
  { parameters }: RequestTarget,
): Result<TargetArguments['query'], string> {
  const found = new Map<string, string | string[]>()
  for (const [name, value] of parameters) {
    const times = query.get(name)
    if (times === undefined) return no(`its query names ${name}, and ${text} does not`)
    const before = found.get(name)
    if (times === 'once' && before !== undefined) return no(`its query names ${name} twice`)
    if (before !== undefined && isPaired(name)) return no(`its query names ${name} twice${PAIRED}`)
    if (times === 'once') found.set(name, value)
    else if (Array.isArray(before)) before.push(value)
    else found.set(name, [value])
  }
  return ok(Object.fromEntries(found))
}

/** Tells whether servers pair the values of a name with those of others by the order in which all of them came. */
export function isPaired(name: string): boolean {
  return name.includes('[][')
}

/** The words for why such a name stands once. */
export const PAIRED = ', and their order would say what belongs together: write numbers between its brackets'

/** A request's operation: its pattern, and the arguments in its path. */
export interface FoundPattern {
  readonly pattern: RequestPattern
  readonly path: TargetArguments['path']
  /** Says how servers may take the path for another one than its arguments say. Such a request is refused. */
  readonly doubt?: string
}

/**
 * The patterns of one upstream, by which a request is found its operation. Of several that cover a path the one that says
 * more of it is meant: a text before a name, segment by segment, as OpenAPI has it (3.1, "Path Templating Matching").
 */
export class PatternTable {
  readonly #byMethod = new Map<string, FoldedPattern[]>()

  /** @throws {Error} with words for a person where two patterns cover the same paths. */
  constructor(patterns: readonly RequestPattern[]) {
    const shapes = new Map<string, string>()
    for (const pattern of patterns) {
      const shape = shapeOf(pattern)
      const other = shapes.get(shape)
      if (other !== undefined) throw new Error(`${pattern.text} and ${other} cover the same requests`)
      shapes.set(shape, pattern.text)
      const all = this.#byMethod.get(pattern.method)
      const own = { pattern, segments: pattern.segments.flatMap(foldedPart), sayingMore: [] }
      if (all === undefined) this.#byMethod.set(pattern.method, [own])
      else all.push(own)
    }
    for (const all of this.#byMethod.values()) {
      all.sort((a, b) => moreSaid(a.pattern, b.pattern))
      for (const each of all) each.sayingMore = all.filter(({ pattern }) => saysMore(pattern, each.pattern))
    }
  }

  /** Returns the pattern that is meant, with the arguments in the path; undefined where none covers it. */
  find(method: string, { segments }: Pick<RequestTarget, 'segments'>): FoundPattern | undefined {
    for (const { pattern, sayingMore } of this.#byMethod.get(method) ?? []) {
      const path = matchPath(pattern, segments)
      if (path === undefined) continue
      const ways = sayingMore.length === 0 ? [] : foldings(segments)
      const other = sayingMore.find((each) => ways.some((way) => matchPath(each, way) !== undefined))?.pattern.text
      const doubt =
        other === undefined
          ? slashDoubt(pattern, segments)
          : `its path is that of ${other} to servers that read case, endings or escapes in another way: one that means ${pattern.text} is declared by itself`
      return { pattern, path, ...(doubt !== undefined && { doubt }) }
    }
    return undefined
  }
}

/** Says that a rest of a path has an encoded slash, which its argument could not tell from one that parts segments. */
function slashDoubt({ segments: parts }: RequestPattern, segments: readonly string[]): string | undefined {
  const last = parts.at(-1)
  if (last?.kind !== 'rest' || !segments.slice(parts.length - 1).some((each) => each.includes('/'))) return undefined
  return `its path has an encoded slash in {${last.name}*}, where it would be one like any other: a segment that may have one is declared by a name of its own`
}

/** A pattern with its texts as `foldings` has them. */
interface FoldedPattern {
  readonly pattern: RequestPattern
  readonly segments: readonly PatternSegment[]
  /** Patterns of its method that say more than it does. */
  sayingMore: readonly FoldedPattern[]
}

function foldedPart(part: PatternSegment): readonly PatternSegment[] {
  return part.kind === 'text' ? foldedSegment(part.text).map((text) => ({ kind: 'text', text })) : [part]
}

/**
 * Returns the segments of a path as servers have them that are less exact than this gate: without case and a slash at the
 * end, decoded once more, split at what was encoded; and the same without what some take off, an ending like `.json` and
 * whatever stands behind a semicolon.
 */
function foldings(segments: readonly string[]): readonly (readonly string[])[] {
  const plain = segments.flatMap(foldedSegment)
  const cut = plain.map((each) => each.replace(/;.*$/s, '')).filter((each) => each !== '')
  const bare = cut.map((each, i) => (i === cut.length - 1 ? each.replace(/(?<=.)\.[a-z0-9]{1,8}$/s, '') : each))
  return [plain, cut, bare]
}

/** Returns the segments that one may be to a server that is less exact than this gate: none where it is empty. */
export function foldedSegment(segment: string): readonly string[] {
  return caseless(decodedAgain(segment))
    .split(/[/\\]/)
    .map((each) => withoutEnd(each.trim(), '. '))
    .filter((each) => each !== '')
}

/** Decodes what was decoded once, as often as there is something; what decodes to no text stays as it is. */
function decodedAgain(text: string): string {
  let plain = text
  for (let round = 0; round < DECODINGS_MAX && plain.includes('%'); round++)
    plain = plain.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => {
      const read = Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8')
      return read.includes('\ufffd') ? run : read
    })
  return plain
}

/** Decodings of a path on its way, one for each server that it passes: more than stand behind one another. */
const DECODINGS_MAX = 4

function shapeOf({ method, segments }: RequestPattern): string {
  const parts = segments.map((part) => (part.kind === 'text' ? `/${part.text}` : part.kind === 'one' ? '/{}' : '/{*}'))
  return `${method} ${parts.join('')}`
}

const ORDER = { text: 0, one: 1, rest: 2 } as const

/** Puts the pattern first that says more, at the first segment where they differ in kind. */
function moreSaid(a: RequestPattern, b: RequestPattern): number {
  for (const [i, part] of a.segments.entries()) {
    const other = b.segments[i]
    if (other === undefined) return part.kind === 'rest' ? 1 : -1
    if (part.kind !== other.kind) return ORDER[part.kind] - ORDER[other.kind]
  }
  return a.segments.length - b.segments.length
}

/** Tells whether a pattern says more than another one: a text before a name where they first differ, or more texts. */
function saysMore(a: RequestPattern, b: RequestPattern): boolean {
  for (const [i, { kind }] of a.segments.entries()) {
    const other = b.segments[i]?.kind
    if (other !== undefined && other !== kind) return ORDER[kind] < ORDER[other]
  }
  return textsOf(a) > textsOf(b)
}

function textsOf({ segments }: RequestPattern): number {
  return segments.filter((part) => part.kind === 'text' && part.text !== '').length
}

import { no, ok, type Result, WEBSOCKET } from '../../../model/index.ts'
import type { RequestTarget } from '../../web/request-target.ts'

/**
 * A kind of request, as a configuration names it: `GET /repos/{owner}/{repo}/issues?state&page`.
 *
 * - `{name}` is one segment that is not empty, `{name*}` at the end one or several
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
export function matchPath(pattern: RequestPattern, segments: readonly string[]): TargetArguments['path'] | undefined {
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
    if (times === 'once') found.set(name, value)
    else found.set(name, [...(before ?? []), value])
  }
  return ok(Object.fromEntries(found))
}

/**
 * The patterns of one upstream, by which a request is found its operation. Of several that cover a path the one that says
 * more of it is meant: a text before a name, segment by segment, as OpenAPI has it (3.1, "Path Templating Matching").
 */
export class PatternTable {
  readonly #byMethod = new Map<string, RequestPattern[]>()

  /** @throws {Error} with words for a person where two patterns cover the same paths. */
  constructor(patterns: readonly RequestPattern[]) {
    const shapes = new Map<string, string>()
    for (const pattern of patterns) {
      const shape = shapeOf(pattern)
      const other = shapes.get(shape)
      if (other !== undefined) throw new Error(`${pattern.text} and ${other} cover the same requests`)
      shapes.set(shape, pattern.text)
      const all = this.#byMethod.get(pattern.method)
      if (all === undefined) this.#byMethod.set(pattern.method, [pattern])
      else all.push(pattern)
    }
    for (const all of this.#byMethod.values()) all.sort(moreSaid)
  }

  /** Returns the pattern that is meant, with the arguments in the path; undefined where none covers it. */
  find(
    method: string,
    { segments }: RequestTarget,
  ): { readonly pattern: RequestPattern; readonly path: TargetArguments['path'] } | undefined {
    for (const pattern of this.#byMethod.get(method) ?? []) {
      const path = matchPath(pattern, segments)
      if (path !== undefined) return { pattern, path }
    }
    return undefined
  }
}

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

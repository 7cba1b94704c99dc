import { EFFECTS, jsonPath, LIMITS, labelFrom, NAME_PATTERN, toolName } from '../model/index.ts'
import {
  bool,
  decimal,
  list,
  listOr,
  map,
  object,
  oneOf,
  oneOrMore,
  optional,
  required,
  text,
  whole,
  written,
} from './shape.ts'
import { budget, duration, share, size } from './units.ts'

/** The shape of `firebreak.yaml`. What one part says of another (names, environments, paths) is judged in `load.ts`. */

const name = text('a name: lower-case letters, digits and "-", at most 48, a letter first', (t) =>
  NAME_PATTERN.test(t) ? t : undefined,
)
const line = text('text without control characters, at most 256', (t) =>
  t !== '' && t.length <= 256 && !/\p{Cc}/u.test(t) ? t : undefined,
)
const uri = text('a URI or URI template, at most 200 characters', (t) =>
  t !== '' && t.length <= 200 && !/[\p{Cc} ]/u.test(t) ? t : undefined,
)
const toolKey = text('a name as the upstream has it', (t) => {
  try {
    return toolName(t)
  } catch {
    return undefined
  }
})
const path = text('a path, relative to this file', (t) => (t !== '' && !t.includes('\0') ? t : undefined))
const cellPath = text('an absolute path in the cell', (t) =>
  /^\/[^\0]+$/.test(t) && !t.split('/').includes('..') ? t : undefined,
)
const variable = text('the name of an environment variable', (t) =>
  /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(t) ? t : undefined,
)
const value = text('text', (t) => (t.includes('\0') ? undefined : t))
const argumentPath = text('a path to an argument, like $.amount', (t) =>
  /^\$(\.[A-Za-z_][A-Za-z0-9_]*)+$/.test(t) ? t : undefined,
)

const currency = text('a path to an argument, like $.currency, or one currency, like EUR', (t) =>
  /^(?:\$(\.[A-Za-z_][A-Za-z0-9_]*)+|[A-Z]{3})$/.test(t) ? t : undefined,
)

const cellFields = {
  driver: optional(oneOf('the driver', ['linux'] as const)),
  root: optional(path),
  workspace: optional(path),
  labels: optional(list('labels of what is in the workspace', text('a label', labelFrom))),
  files: optional(map('places in the cell and the host paths shown there, read-only', cellPath, path)),
  env: optional(map('environment variables', variable, value)),
  cpu: optional(decimal('processors', 0.01, 1_024)),
  memory: optional(text('a size like 512MiB', size)),
  pids: optional(whole('processes and threads', 1, 1_000_000)),
  io: optional(text('bytes per second like 50MiB/s', (t) => (t.endsWith('/s') ? size(t.slice(0, -2)) : undefined))),
  wall: optional(text('a duration like 2h', duration)),
}
export const cellShape = object('a cell', cellFields)

const label = text('a label: untrusted, or whom data is meant for, like confidential:customers', labelFrom)
const labels = list('labels', label)
const field = text('a path to a field, like $.rows[*].email', jsonPath)
const fieldKey = text('a path to a field, like $.rows[*].email', (t) => (jsonPath(t) === undefined ? undefined : t))

const tool = object('a tool', {
  effect: required(oneOf('what the tool changes', EFFECTS)),
  amount: optional(argumentPath),
  currency: optional(currency),
  returns: optional(listOr(labels, map('labels by field', fieldKey, labels), (all) => new Map([['$', all]]))),
  ids: optional(list('paths of fields that name the upstream’s own objects', field)),
  accepts: optional(labels),
  destinations: optional(
    listOr(
      list('paths of arguments', fieldKey),
      map('what each argument may always be', fieldKey, list('values', line)),
      (paths) => new Map(paths.map((path) => [path, []])),
    ),
  ),
  content: optional(list('paths of arguments', field)),
  links: optional(oneOf('where links in its content may lead', ['known', 'any'] as const)),
  mask: optional(list('paths of fields', field)),
  rows: optional(field),
  maxRows: optional(whole('rows that one answer may have', 1, 1_000_000_000)),
  maxBytes: optional(
    text('a size like 200KiB, at most 4MiB', (t) =>
      (size(t) ?? Infinity) <= LIMITS.answerBytesMax ? size(t) : undefined,
    ),
  ),
  settles: optional(field),
  settlesDown: optional(bool('whether less than was reserved is believed')),
})

const upstream = object('an upstream', {
  environment: required(name),
  mcp: required(
    object('an MCP server: command (a program in an upstream cell) or url', {
      command: optional(list('a command and its arguments', value)),
      cell: optional(cellShape),
      shared: optional(bool('one instance for all cells')),
      url: optional(
        text('an http or https URL', (t) => (/^https?:$/.test(urlOf(t)?.protocol ?? '') ? urlOf(t) : undefined)),
      ),
      headers: optional(
        map(
          'headers',
          text('a header name', (t) => (/^[A-Za-z0-9-]+$/.test(t) ? t.toLowerCase() : undefined)),
          line,
        ),
      ),
    }),
  ),
  relay: optional(bool('whether it reaches further on a cell’s word: a fetcher, a browser, a shell')),
  remote: optional(oneOf('that a relay elsewhere is out of every wall', ['accepted'] as const)),
  accepts: optional(labels),
  tools: optional(map('tools', toolKey, tool)),
  resources: optional(list('URIs or URI templates of resources that may be read', uri)),
  prompts: optional(list('prompts that may be fetched', toolKey)),
})

const grant = object('a grant', {
  upstream: required(written(name)),
  tools: optional(list('tools of the upstream', written(toolKey))),
  resources: optional(list('resources of the upstream', written(uri))),
  prompts: optional(list('prompts of the upstream', written(toolKey))),
  when: optional(written(text('a Cedar condition', (t) => (t.trim() === '' ? undefined : t)))),
  budget: optional(
    object('a budget', {
      calls: optional(oneOrMore(text('calls over a window, like 60/min, 1000 per day or 5000 total', budget('calls')))),
      spend: optional(
        oneOrMore(text('money over a window, like 500 EUR/day, 500 EUR per month or 100 EUR total', budget('spend'))),
      ),
      rows: optional(oneOrMore(text('rows over a window, like 10000/day or 10000 per day', budget('rows')))),
      bytes: optional(oneOrMore(text('bytes over a window, like 50MiB/day or 1GiB per week', budget('bytes')))),
      task: optional(oneOrMore(text('the share of each task, like 50 EUR, 20 calls, 500 rows or 5MiB', share))),
    }),
  ),
  expires: required(text('a duration like 8h', duration)),
  approver: optional(written(line)),
})

const environment = object('an environment', {
  hardened: optional(bool('whether effects need a second person')),
  egress: optional(
    list('origins that its relays may reach', written(text('an origin like https://api.example', originOf))),
  ),
})

const agent = object('an agent', {
  owner: required(line),
  environment: required(written(name)),
  command: optional(list('a command and its arguments', value)),
  cell: optional(cellShape),
  grants: optional(list('grants', written(grant))),
  delegates: optional(list('agents that its cells may delegate to', written(name))),
})

const tenant = object('a tenant', {
  environments: required(list('environments that are its own', written(name))),
  policies: optional(list('Cedar files that only forbid, and only to it', written(path))),
})

export const configShape = object('a Firebreak configuration', {
  profile: optional(oneOf('the profile', ['full', 'user'] as const)),
  tenants: optional(map('tenants', name, written(tenant))),
  environments: required(map('environments', name, written(environment))),
  upstreams: optional(map('upstreams', name, written(upstream))),
  agents: required(map('agents', name, written(agent))),
  policies: optional(list('Cedar files that only forbid', written(path))),
  secrets: optional(
    map(
      'secrets',
      name,
      written(
        object('a secret: env, file or command', {
          env: optional(variable),
          file: optional(path),
          command: optional(list('a program that says it, and its arguments', value)),
        }),
      ),
    ),
  ),
})

type Shaped<S> = S extends { read: (...args: never[]) => infer T } ? NonNullable<T> : never
export type ShapedConfig = Shaped<typeof configShape>
export type ShapedCell = Shaped<typeof cellShape>
export type ShapedTool = Shaped<typeof tool>
export type ShapedUpstream = Shaped<typeof upstream>
export type ShapedAgent = Shaped<typeof agent>

/** Nothing but scheme, host and port: whatever path is asked for, it is the same place. */
function originOf(written: string): URL | undefined {
  const url = urlOf(written)
  return url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? url : undefined
}

function urlOf(written: string): URL | undefined {
  return URL.canParse(written) ? new URL(written) : undefined
}

import {
  type Budget,
  EFFECTS,
  isPersonName,
  jsonPath,
  LIMITS,
  labelFrom,
  MEASURE_NAMES,
  MEASURES,
  type MeasureName,
  NAME_PATTERN,
  pathPattern,
  toolName,
} from '../model/index.ts'
import { containmentShape } from './containment.ts'
import { modelFields } from './model-shape.ts'
import { packageFields } from './package-shape.ts'
import {
  atMost,
  bool,
  decimal,
  type Field,
  jsonObject,
  list,
  listOr,
  map,
  object,
  oneOf,
  oneOrMore,
  optional,
  required,
  scalar,
  scalarOrNull,
  text,
  whole,
  written,
} from './shape.ts'
import { budget, duration, share, size } from './units.ts'

/**
 * The shape of `firebreak.yaml`, whole and therefore long. Relations between its parts (names, environments, paths) are
 * judged in `load.ts` and `read/`.
 */

const name = text('a name: lower-case letters, digits and "-", at most 48, a letter first', (t) =>
  NAME_PATTERN.test(t) ? t : undefined,
)
const line = text('text without control characters, at most 256', (t) =>
  t !== '' && t.length <= 256 && !/\p{Cc}/u.test(t) ? t : undefined,
)
const person = text('the name of a person, at most 256 characters; "firebreak" is nobody\'s', (t) =>
  isPersonName(t) ? t : undefined,
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
const headerName = text('a header name', (t) => (/^[A-Za-z0-9-]+$/.test(t) ? t.toLowerCase() : undefined))
const value = text('text', (t) => (t.includes('\0') ? undefined : t))
const argumentPath = text('a path to an argument, like $.amount', (t) =>
  /^\$(\.[A-Za-z_][A-Za-z0-9_]*)+$/.test(t) ? t : undefined,
)

const currency = text('a path to an argument, like $.currency, or one currency, like EUR', (t) =>
  /^(?:\$(\.[A-Za-z_][A-Za-z0-9_]*)+|[A-Z]{3})$/.test(t) ? t : undefined,
)

const paths = atMost(
  64,
  list(
    'patterns of paths in the workspace',
    text('a pattern of paths in the workspace, like src/** or **/*.md', pathPattern),
  ),
)

const driver = text('the name of a driver, like linux', (t) => (/^[a-z][a-z0-9-]{0,31}$/.test(t) ? t : undefined))

const cellFields = {
  driver: optional(driver, 'what isolates it; absent: linux'),
  root: optional(path, 'a root file system of its own; absent: the host’s /usr and a made-up /etc'),
  workspace: optional(
    path,
    'a directory that it sees as /workspace, through a private overlay: changes are a diff until they are committed',
  ),
  hide: optional(
    paths,
    'what of the workspace it does not see, like **/.env; absent: .env, .netrc and other files that hold credentials; []: nothing',
  ),
  labels: optional(
    list('labels of what it is shown at its start', text('a label', labelFrom)),
    'what is known of its workspace, files and standard input; absent: untrusted, where there is more than its program; [] if nobody outside can write them',
  ),
  files: optional(
    map('places in the cell and the host paths shown there, read-only', cellPath, path),
    'what else it sees of this host, read-only: its program where that is not in /usr, its script, its packages',
  ),
  home: optional(
    path,
    'a directory whose files its home begins with, like settings of an agent; what it changes there ends with the run',
  ),
  cwd: optional(cellPath, 'where its command starts, a place in the cell; absent: /workspace, or / without one'),
  env: optional(
    map('environment variables', variable, value),
    'its environment variables; under an upstream, values may hold ${secret:name}',
  ),
  cpu: optional(decimal('processors', 0.01, 1_024), 'how many processors it may keep busy; absent: 1'),
  memory: optional(text('a size like 512MiB', size), 'absent: 1GiB'),
  pids: optional(whole('processes and threads', 1, 1_000_000), 'absent: 128'),
  io: optional(
    text('bytes per second like 50MiB/s', (t) => (t.endsWith('/s') ? size(t.slice(0, -2)) : undefined)),
    'disk throughput, read and written each; absent: no limit',
  ),
  wall: optional(text('a duration like 2h', duration), 'how long a run may last; absent: 2h'),
  checkpoints: optional(
    written(
      object('when the workspace’s files are saved', {
        every: optional(text('a duration like 10min', duration), 'also when so much time has passed'),
        before: optional(
          list('effects that the files are saved before', oneOf('the effect', ['irreversible'] as const)),
          'also before each action that cannot be taken back; the action waits for it',
        ),
        required: optional(
          bool('whether an action before which they cannot be saved is refused'),
          'whether that action is refused where they cannot be saved; absent: true',
        ),
        keep: optional(
          whole('checkpoints of each occasion that are kept', 1, 1_000),
          'how many are kept of those on a schedule, before actions and by a person each; absent: 20',
        ),
        size: optional(text('a size like 16GiB', size), 'what all of them may take on the host’s disk; absent: 16GiB'),
      }),
    ),
    'when the files of its workspace are saved by themselves, and how much is kept; a person can always do it',
  ),
  commit: optional(
    written(
      object('which changes land without a person who lists them', {
        allow: optional(paths, 'firebreak commit --rule lands these; what a host would execute still needs a person'),
        never: optional(paths, 'these land in no way, whoever asks'),
      }),
    ),
    'which of its changes firebreak commit lands, and which never',
  ),
}
export const cellShape = object('a cell', cellFields)

const label = text('a label: untrusted, or whom data is meant for, like confidential:customers', labelFrom)
const labels = list('labels', label)
const field = text('a path to a field, like $.rows[*].email', jsonPath)
const fieldKey = text('a path to a field, like $.rows[*].email', (t) => (jsonPath(t) === undefined ? undefined : t))

const timeout = text('a duration like 5min, at most 10min', (t) =>
  (duration(t) ?? Infinity) <= LIMITS.callMsMax ? duration(t) : undefined,
)

/** A destination in the form in which arguments are compared: numbers and truths by their text. */
const destinationValue = scalarOrNull('a value, at most 256 characters', (value) => {
  if (value === null || typeof value !== 'string') return value === null ? null : String(value)
  return value.length <= 256 && !/\p{Cc}/u.test(value) ? value : undefined
})

const tool = object('a tool', {
  effect: required(
    oneOf('what the tool changes', EFFECTS),
    'what a call changes; without it the tool cannot be granted',
  ),
  amount: optional(argumentPath, 'with effect: spend'),
  currency: optional(currency, 'with effect: spend'),
  returns: optional(
    listOr(labels, map('labels by field', fieldKey, labels), (all) => new Map([['$', all]])),
    'who can write what it answers, by field; absent: untrusted',
  ),
  ids: optional(
    list('paths of fields that name the upstream’s own objects', field),
    'whoever was shown one may name the object, whatever is known of the field as text',
  ),
  accepts: optional(
    labels,
    'labels that a cell may carry and still call it without a person; absent: only what its upstream gives out itself',
  ),
  destinations: optional(
    listOr(
      list('paths of arguments', fieldKey),
      map('what each argument may always be', fieldKey, list('values, null for nothing at all', destinationValue)),
      (paths) => new Map(paths.map((path) => [path, []])),
    ),
    'arguments that say where something goes, with values that always pass (null: left out, null or empty); absent: every text argument of an effect',
  ),
  content: optional(list('paths of arguments', field), 'arguments that are only carried'),
  links: optional(
    oneOf('where links in its content may lead', ['known', 'any'] as const),
    'absent: known, only where the cell was told',
  ),
  mask: optional(list('paths of fields', field), 'fields of its answers that no cell sees'),
  rows: optional(field, 'where in its answer the rows are, for budgets of rows; with maxRows'),
  maxRows: optional(
    whole('rows that one answer may have', 1, 1_000_000_000),
    'what one call sets aside of a budget of rows',
  ),
  timeout: optional(
    timeout,
    'how long its upstream may say nothing of a call, its progress neither; at most 10min; absent: as under its upstream',
  ),
  maxBytes: optional(
    text('a size like 200KiB, at most 4MiB; of what passes as it comes (http, model, packages, git) 1024GiB', (t) =>
      (size(t) ?? Infinity) <= LIMITS.passingBytesMax ? size(t) : undefined,
    ),
    'the most that an answer may have, of the web with its request, and what a call sets aside of a budget of bytes; absent: 4MiB',
  ),
  settles: optional(field, 'where its answer says what was charged; more than was reserved is always charged'),
  settlesDown: optional(bool('whether less than was reserved is believed'), 'less is believed, too; absent: false'),
  undo: optional(
    written(
      object('an undo: the tool that compensates, and its arguments', {
        tool: required(toolKey),
        args: optional(jsonObject('its arguments'), 'literals, $result.<field>, $args.<name>, $undo'),
      }),
    ),
    'what compensates its effect: a tool of the same upstream; absent: nothing does',
  ),
  check: optional(
    written(
      object(
        'a check: the tool that tells whether the effect stands, its arguments, and what it says when it does not',
        {
          tool: required(toolKey),
          args: optional(jsonObject('its arguments'), 'as those of undo'),
          undone: required(
            map('fields and what they say', fieldKey, oneOrMore(scalar('what a field says'))),
            'what its answer says where the effect does not stand',
          ),
        },
      ),
    ),
    'what tells whether its effect stands: a tool of the same upstream that reads',
  ),
})

const anOrigin = text('an origin: https://host, or with a port of its own', (t) =>
  // One that a parser of URLs had to repair is none.
  originOf(t)?.origin === t ? originOf(t) : undefined,
)

const upstream = object('an upstream', {
  environment: required(name, 'the one environment that it belongs to'),
  mcp: optional(
    object('an MCP server: command (a program in an upstream cell) or url', {
      command: optional(
        list('a command and its arguments', value),
        'a stdio server, in a cell of its own without network',
      ),
      cell: optional(cellShape, 'what its program runs in; with command'),
      shared: optional(bool('one instance for all cells'), 'absent: each cell has its own'),
      url: optional(
        text('an http or https URL', (t) => (/^https?:$/.test(urlOf(t)?.protocol ?? '') ? urlOf(t) : undefined)),
        'a server elsewhere; the gateway alone goes there',
      ),
      headers: optional(map('headers', headerName, line), 'sent with each request; values may hold ${secret:name}'),
      ca: optional(
        path,
        'a file of certificates (PEM) that alone are trusted to sign for it; with url; absent: those that this host trusts',
      ),
    }),
    'an MCP server, and how it is reached; or http',
  ),
  http: optional(
    object('an origin of the web', {
      origin: required(anOrigin, 'scheme, host and port alone'),
      headers: optional(
        map('headers', headerName, line),
        'put into each request in place of what the program says; values may hold ${secret:name}',
      ),
      ca: optional(path, 'a file of certificates (PEM) that alone are trusted to sign for it'),
      openapi: optional(
        path,
        'an OpenAPI document (3.0 or 3.1, JSON or YAML): firebreak accept reads it, and requests and answers are judged by what was accepted',
      ),
    }),
    'an origin of the web, whose tools are requests by their patterns, like GET /repos/{owner}/{repo}?state&page; or mcp',
  ),
  model: optional(
    object('a provider of models', {
      ...modelFields,
      url: optional(anOrigin, 'where the gateway goes; absent: the provider’s own host'),
      key: optional(line, 'the owner’s key, as ${secret:name}: put into the header that the provider has for it'),
      headers: optional(map('headers', headerName, line), 'put into each request, too; values may hold ${secret:name}'),
      ca: optional(path, 'a file of certificates (PEM) that alone are trusted to sign for it'),
    }),
    'a provider of models, whose tools are generate, count, models and each of its ways out by name; or mcp, or http',
  ),
  packages: optional(
    object('a registry of packages', {
      ...packageFields,
      url: optional(anOrigin, 'where the gateway goes for lists; absent: the registry’s own host'),
      files: optional(anOrigin, 'where the gateway goes for files, if elsewhere'),
      denyList: optional(path, 'a file of packages that may not be had, one a line: npm:name@1.2.3 why, pypi:name'),
      headers: optional(map('headers', headerName, line), 'put into each request; values may hold ${secret:name}'),
      ca: optional(path, 'a file of certificates (PEM) that alone are trusted to sign for it'),
    }),
    'a registry of packages, whose tools are list and file; or mcp, http, model',
  ),
  git: optional(
    object('a git server', {
      origin: required(anOrigin, 'scheme, host and port alone'),
      token: optional(line, 'the password of its user, as ${secret:name}'),
      user: optional(line, 'whose password the token is; absent: x-access-token'),
      lfs: optional(list('origins', anOrigin), 'where its files of LFS lie, beside its own origin'),
      headers: optional(map('headers', headerName, line), 'put into each request; values may hold ${secret:name}'),
      ca: optional(path, 'a file of certificates (PEM) that alone are trusted to sign for it'),
    }),
    'a git server, whose tools are patterns like shop/desk: fetch, or shop/desk refs/heads/agent/*: push; or mcp, http, model, packages',
  ),
  tunnel: optional(
    object('an origin that a program speaks TLS with itself', {
      origin: required(anOrigin, 'https, host and port alone'),
    }),
    'an origin whose key its programs know: connections are counted, and nobody reads what passes; or mcp, http, model, packages, git',
  ),
  relay: optional(
    bool('whether it reaches further on a cell’s word: a fetcher, a browser, a shell'),
    'what it reaches goes through its environment’s egress, where it runs in a cell',
  ),
  remote: optional(
    oneOf('that a relay elsewhere is out of every wall', ['accepted'] as const),
    'of a relay behind a url: a person has accepted that no wall of ours holds it',
  ),
  accepts: optional(labels, 'as under a tool, for all of its tools, resources and prompts'),
  timeout: optional(timeout, 'as under a tool, for all of its tools, resources and prompts; absent: 2min'),
  tools: optional(
    map('tools', toolKey, tool),
    'what of it can be granted, and what is known of each; firebreak accept --stubs writes them',
  ),
  resources: optional(
    list('URIs or URI templates of resources that may be read', uri),
    'what of it can be granted to be read',
  ),
  prompts: optional(list('prompts that may be fetched', toolKey), 'what of it can be granted to be fetched'),
})

/** Returns the budgets of each measure, by its name. */
function measuredBudgets(): Readonly<Record<MeasureName, Field<readonly Budget[], false>>> {
  const fields = MEASURE_NAMES.map((name) => {
    const { expected, about } = MEASURES[name]
    return [name, optional(oneOrMore(text(expected, budget(name))), about)]
  })
  return Object.fromEntries(fields) as Record<MeasureName, Field<readonly Budget[], false>> // one for each name
}

const grant = object('a grant', {
  upstream: required(written(name), 'whose tools'),
  tools: optional(list('tools of the upstream', written(toolKey)), 'each by name: there is no wildcard'),
  resources: optional(list('resources of the upstream', written(uri)), 'each as declared under the upstream'),
  prompts: optional(list('prompts of the upstream', written(toolKey)), 'each as declared under the upstream'),
  when: optional(
    written(text('a Cedar condition', (t) => (t.trim() === '' ? undefined : t))),
    'what has to hold of a call: context.args.amount.lessThan(decimal("50.00"))',
  ),
  budget: optional(
    object('a budget', {
      ...measuredBudgets(),
      spend: optional(
        oneOrMore(text('money over a window, like 500 EUR/day, 500 EUR per month or 100 EUR total', budget('spend'))),
        'how much money, by currency',
      ),
      task: optional(
        oneOrMore(text('the share of each task, like 50 EUR, 20 calls, 500 rows or 5MiB', share)),
        'what one task sets aside of the caps above',
      ),
    }),
    'caps over windows, charged before anything is sent; absent: no cap',
  ),
  expires: required(text('a duration like 8h', duration), 'counted from when its cell starts'),
  approver: optional(
    written(person),
    'who agreed to it beside the owner; needed for effects in a hardened environment',
  ),
})

const environment = object('an environment', {
  hardened: optional(
    bool('whether effects need a second person'),
    'grants of effects name an approver, and the owner does not approve holds; absent: false',
  ),
  observe: optional(
    bool('whether its agents may be observed'),
    'run --observe lets an agent use whatever is declared here and only reads, to learn what it needs; absent: false',
  ),
  undo: optional(
    object('what undo may do in it', {
      owner: required(person, 'the person who answers for what is compensated'),
      grants: required(list('grants', written(grant)), 'for tools that are the undo or the check of another, only'),
    }),
    'what firebreak undo may do in it; absent: nothing is undone',
  ),
  egress: optional(
    list('origins that its relays may reach', written(text('an origin like https://api.example', originOf))),
    'absent: none',
  ),
})

const agent = object('an agent', {
  owner: required(person, 'the person who answers for it'),
  environment: required(written(name), 'the one environment that its cells belong to'),
  command: optional(list('a command and its arguments', value), 'what a run starts where nothing else is given'),
  cell: optional(cellShape, 'what its program runs in, and how much it may use'),
  grants: optional(list('grants', written(grant)), 'what it may do; absent: nothing'),
  delegates: optional(
    list('agents that its cells may delegate to', written(name)),
    'whom its cells may give a part of what they have',
  ),
})

const tenant = object('a tenant', {
  environments: required(
    list('environments that are its own', written(name)),
    'every environment belongs to one tenant, where tenants are named',
  ),
  policies: optional(list('Cedar files that only forbid, and only to it', written(path)), 'what nobody of it may do'),
})

export const configShape = object('a Firebreak configuration', {
  profile: optional(oneOf('the profile', ['full', 'user'] as const), 'what isolates: full needs root; absent: full'),
  tenants: optional(map('tenants', name, written(tenant)), 'teams that are walled off from each other; absent: one'),
  environments: required(
    map('environments', name, written(environment)),
    'deployment boundaries: a cell of one has no route to another’s upstreams',
  ),
  upstreams: optional(map('upstreams', name, written(upstream)), 'servers that agents reach through the gateway'),
  agents: required(map('agents', name, written(agent)), 'programs, each with a person who answers for it'),
  policies: optional(list('Cedar files that only forbid', written(path)), 'what nobody may do, whatever is granted'),
  containment: optional(containmentShape, 'what nobody should touch, and what follows from which signal'),
  secrets: optional(
    map(
      'secrets',
      name,
      written(
        object('a secret: env, file or command', {
          env: optional(variable, 'of whoever starts a run'),
          file: optional(path, 'its whole text'),
          command: optional(list('a program that says it, and its arguments', value), 'run at a start: vault kv get …'),
          every: optional(
            text('a duration like 30min, at least 1min', (t) =>
              (duration(t) ?? 0) >= 60_000 ? duration(t) : undefined,
            ),
            'with file or command: read again so often; and, whether it is given or not, when an upstream refuses it',
          ),
        }),
      ),
    ),
    'read by whoever runs it, and injected behind the gate',
  ),
})

type Shaped<S> = S extends { read: (...args: never[]) => infer T } ? NonNullable<T> : never
export type ShapedConfig = Shaped<typeof configShape>
export type ShapedCell = Shaped<typeof cellShape>
export type ShapedTool = Shaped<typeof tool>
export type ShapedEnvironment = Shaped<typeof environment>
export type ShapedUpstream = Shaped<typeof upstream>
export type ShapedAgent = Shaped<typeof agent>

/**
 * Returns a URL that has scheme, host and port alone; undefined for any other, since a path in it would mean nothing.
 */
function originOf(written: string): URL | undefined {
  const url = urlOf(written)
  return url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? url : undefined
}

function urlOf(written: string): URL | undefined {
  return URL.canParse(written) ? new URL(written) : undefined
}

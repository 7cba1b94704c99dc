/** One server of a client's file, made into what a configuration can hold; with a word on all that was changed or dropped. */
import { resolve } from 'node:path'
import { isJsonObject, type Json, type JsonObject, no, ok, placeholdersIn, type Result } from '../../model/index.ts'
import { wordsOf } from '../words.ts'
import { readDotenv } from './dotenv.ts'
import { composed, keepsReferences, NOT_ITS_OWN, partsOf, type TextPart } from './parts.ts'
import { type ClientHost, expand, expandPath } from './references.ts'
import { unwrapRemote } from './remote.ts'
import type { SecretPlan } from './secrets.ts'

/** A server as a configuration can have it: credentials are `${secret:name}` in it. */
export type NamedServer = {
  /** The upstream's name. */
  readonly name: string
  /** The server's name in the client's file. */
  readonly key: string
  /** True where the server is switched off: written as a comment, never started. */
  readonly disabled: boolean
  readonly notes: readonly string[]
} & (
  | {
      readonly kind: 'stdio'
      readonly command: readonly [string, ...string[]]
      /** Directory in which relative names of the command lie. */
      readonly cwd?: string
      readonly env: ReadonlyMap<string, string>
    }
  | {
      readonly kind: 'http'
      readonly url: string
      readonly headers: ReadonlyMap<string, string>
      /**
       * Values of this host that the address or a header carries because the file says so, for a person. Whoever wrote
       * the file is sent them as soon as the server is asked anything.
       */
      readonly carries: readonly string[]
    }
)

export interface ReadingHost extends ClientHost {
  /** Returns a file's text; undefined where it cannot be read. */
  readonly readFile: (path: string) => string | undefined
}

/** Keys that are understood; every other one is named in the notes. */
const KNOWN = new Set([
  ...['command', 'args', 'env', 'environment', 'cwd', 'envFile', 'url', 'serverUrl', 'httpUrl', 'headers', 'disabled'],
  ...['enabled', 'type', 'transport', 'transportType', 'name', 'source', 'description', 'requestOptions', 'isActive'],
])

export function readServer(
  name: string,
  key: string,
  value: Json,
  host: ReadingHost,
  secrets: SecretPlan,
): Result<NamedServer, string> {
  if (!isJsonObject(value)) return no('it is no object')
  const notes: string[] = []
  const dropped = Object.keys(value).filter((each) => !KNOWN.has(each) && !/^[_/$#]/.test(each))
  if (dropped.length > 0) notes.push(`not taken over: ${dropped.slice(0, 12).join(', ')}`)
  const making: Making = { name, host, secrets, notes, own: new Map(), taken: new Set() }
  const common = { name, key, notes, disabled: isOff(value) }
  const type = [value.type, value.transport, value.transportType].find((each) => typeof each === 'string') ?? ''
  if (/^(?:ws|websocket)$/i.test(type)) return no('it speaks over a WebSocket, which is not spoken here')
  const env = variablesOf(value, making)
  if (!env.ok) return env
  const command = commandOf(value)
  const url = [value.url, value.serverUrl, value.httpUrl].find((each) => typeof each === 'string')
  const remote = command.length > 0 ? unwrapRemote(command) : undefined
  if (remote !== undefined) {
    notes.push(`${remote.carrier} only carried it: the gateway goes to its address itself`)
    if (remote.notes.length > 0) notes.push(`not taken over: ${remote.notes.join(', ')}`)
    const read = httpServer(remote.url, remote.headers, { ...making, own: carried(env.value, making) })
    return read.ok ? ok({ ...common, ...read.value }) : read
  }
  if (command.length === 0 && url !== undefined) {
    if (/sse/i.test(type) && !isSse(url)) notes.push(SSE)
    const around = isJsonObject(value.requestOptions) ? value.requestOptions.headers : undefined
    const headers = textsIn(value.headers ?? around)
    if (headers === undefined) return no('its headers are no texts by name')
    const read = httpServer(url, headers, making)
    return read.ok ? ok({ ...common, ...read.value }) : read
  }
  if (command.length === 0) return no('it has neither a command nor a url')
  if (value.args !== undefined && value.args !== null && !isTexts(value.args))
    return no('its args are no list of texts')
  const read = stdioServer(command, value, textsOf(env.value), making)
  return read.ok ? ok({ ...common, ...read.value }) : read
}

interface Making {
  readonly name: string
  readonly host: ReadingHost
  readonly secrets: SecretPlan
  readonly notes: string[]
  /** A carrier's own variables, which it puts in for `${NAME}`. */
  readonly own: ReadonlyMap<string, Carried>
  /** Values of this host that went into what was filled in. */
  readonly taken: Set<string>
}

/** A variable as it is put in: its credentials are `${secret:name}`. */
interface Carried {
  readonly text: string
  /** Values of this host in it. */
  readonly taken: readonly string[]
}

/** A server's variable as it is written, and the file that it was read from, where it does not stand in the client's. */
interface Variable {
  readonly text: string
  readonly file?: string
}

/** Tells whether a client has switched the server off, and starts nothing of it. */
function isOff({ disabled, enabled, isActive }: JsonObject): boolean {
  return disabled === true || enabled === false || isActive === false
}

/**
 * Returns the command's words: `command` and `args`; all in a list; all in one text; or, of older Zeds, in an object.
 */
function commandOf({ command, args }: JsonObject): readonly string[] {
  if (Array.isArray(command)) return [...texts(command), ...texts(args)]
  if (isJsonObject(command)) return commandOf({ command: command.path ?? '', args: command.args ?? [] })
  if (typeof command !== 'string' || command.trim() === '') return []
  const rest = texts(args)
  return rest.length === 0 && /\s/.test(command.trim()) && !command.startsWith('/')
    ? wordsOf(command)
    : [command, ...rest]
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.flatMap((each) => (isPlain(each) ? [String(each)] : [])) : []
}

function isTexts(value: Json | undefined): boolean {
  return Array.isArray(value) && value.every(isPlain)
}

function isPlain(value: Json): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

/**
 * Returns the texts of an environment: numbers and truth values are texts in it; what is null is not set. Undefined
 * where it is none.
 */
function textsIn(value: Json | undefined): ReadonlyMap<string, string> | undefined {
  if (value === undefined || value === null) return new Map()
  if (!isJsonObject(value)) return undefined
  const entries = Object.entries(value).filter(([, each]) => each !== null)
  return entries.every(([, each]) => isPlain(each))
    ? new Map(entries.map(([key, each]) => [key, String(each)]))
    : undefined
}

/**
 * Returns the server's variables as they are written: those of `envFile`, and over them its own. A client's file may come
 * with a project: it names no file outside of that.
 */
function variablesOf(value: JsonObject, { host, notes }: Making): Result<ReadonlyMap<string, Variable>, string> {
  const inner = isJsonObject(value.command) ? value.command.env : undefined
  const own = textsIn(value.env ?? value.environment ?? inner)
  if (own === undefined) return no('its env is no texts by name')
  const written = [...own].map(([name, text]) => [name, { text }] as const)
  if (typeof value.envFile !== 'string') return ok(new Map(written))
  const path = expandPath(value.envFile, host)
  if (!path.ok) return path
  const file = resolve(host.project, path.value)
  const text = file.startsWith(`${host.project}/`) ? host.readFile(file) : undefined
  if (text === undefined)
    notes.push(`its envFile ${file} cannot be read, or lies outside of ${host.project}: its variables are missing`)
  const read = [...(text === undefined ? [] : readDotenv(text))].map(([name, text]) => [name, { text, file }] as const)
  return ok(new Map<string, Variable>([...read, ...written]))
}

function textsOf(variables: ReadonlyMap<string, Variable>): ReadonlyMap<string, string> {
  return new Map([...variables].map(([name, { text }]) => [name, text]))
}

/** Returns a carrier's variables as it puts them in; one that cannot be put in is told, and is none. */
function carried(variables: ReadonlyMap<string, Variable>, making: Making): ReadonlyMap<string, Carried> {
  const all = new Map<string, Carried>()
  for (const [name, { text, file }] of variables) {
    const taken = new Set(file === undefined ? [] : [`${name} of ${file}`])
    const filled = filledIn(text, name, { ...making, taken })
    if (filled.ok) all.set(name, { text: filled.value, taken: [...taken] })
    else making.notes.push(`${name} is left out: ${filled.reason}`)
  }
  return all
}

function httpServer(written: string, headers: ReadonlyMap<string, string>, making: Making) {
  const { name, host, secrets, notes, taken } = making
  const url = expanded(written, '', making, 'in its url ')
  if (!url.ok) return no(`its url: ${url.reason}`)
  const address = url.value.trim()
  const place = /^https?:[/\\]*[^/\\?#]*/.exec(address)?.[0]
  if (place === undefined || placeholdersIn(address).some(({ from }) => from < place.length) || !URL.canParse(address))
    return no(
      'its url is no http or https address, or says where only once variables are set: export them, then do this again',
    )
  if (isSse(address)) notes.push(SSE)
  const { bare, basic } = withoutUserinfo(address)
  const hidden = secrets.hidden(bare, '', name)
  if (!hidden.ok) return no(`its url: ${hidden.reason}`)
  const all = new Map<string, string>()
  for (const [header, value] of [...headers, ...(basic === undefined ? [] : [['Authorization', basic] as const])]) {
    const filled = filledIn(value, header, making)
    if (!filled.ok) notes.push(`header ${header} is left out: ${filled.reason}`)
    else if (!/^[A-Za-z0-9-]+$/.test(header) || /\p{Cc}/u.test(filled.value) || filled.value.length > 256)
      notes.push(`header ${header} is left out: it cannot be sent as it is`)
    else all.set(header, filled.value)
  }
  if (!URL.canParse(hidden.value)) return no('its url: a credential in it is too short to be told from other text')
  if (!keepsReferences(hidden.value)) return no(`its url: ${NOT_ITS_OWN}`)
  const named = [hidden.value, ...all.values()].flatMap((text) => placeholdersIn(text))
  for (const each of secrets.all)
    if (each.kind === 'variable' && host.variables[each.variable] && named.some(({ name: used }) => used === each.name))
      taken.add(each.variable)
  return ok({ kind: 'http' as const, url: hidden.value, headers: all, carries: [...taken] })
}

function isSse(url: string): boolean {
  return /\/sse\/?(?:[?#]|$)/.test(url)
}

const SSE =
  'it may be of the older SSE transport, which is not spoken here: its address for Streamable HTTP often ends in /mcp'

/** Takes a credential out of an address, as the Basic authentication that it means. RFC 7617 */
function withoutUserinfo(address: string): { readonly bare: string; readonly basic?: string } {
  const { username, password } = new URL(address)
  if (username === '' && password === '') return { bare: address }
  const bare = address.replace(/^(https?:\/\/)[^/?#]*@/, '$1')
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { bare, basic: `Basic ${Buffer.from(plain).toString('base64')}` }
}

function stdioServer(
  command: readonly string[],
  value: JsonObject,
  variables: ReadonlyMap<string, string>,
  making: Making,
) {
  const { host, notes } = making
  const words: string[] = []
  for (const [i, word] of command.entries()) {
    const before = command[i - 1] ?? ''
    const filled = filledIn(word, /^-[^=\s]+$/.test(before) ? before : '', making)
    if (!filled.ok) return no(`its argument ${i}: ${filled.reason}`)
    words.push(filled.value)
  }
  const [program, ...args] = words
  if (program === undefined || placeholdersIn(program).length > 0)
    return no('its program is named by a variable that is not set')
  const env = new Map<string, string>()
  for (const [key, written] of variables) {
    const filled = filledIn(written, key, making)
    if (!filled.ok) notes.push(`${key} is left out: ${filled.reason}`)
    else if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(key) || filled.value.includes('\0'))
      notes.push(`${key} is left out: it is no name of a variable`)
    else env.set(key, filled.value)
  }
  const cwd = typeof value.cwd === 'string' && value.cwd !== '' ? expandPath(value.cwd, host) : undefined
  if (cwd !== undefined && !cwd.ok) return no(`its cwd: ${cwd.reason}`)
  const start: readonly [string, ...string[]] = [program, ...args]
  return ok({
    kind: 'stdio' as const,
    command: start,
    env,
    ...(cwd !== undefined && { cwd: resolve(host.project, cwd.value) }),
  })
}

function filledIn(written: string, key: string, making: Making): Result<string, string> {
  const filled = expanded(written, key, making)
  return filled.ok ? making.secrets.hidden(filled.value, key, making.name) : filled
}

/** Puts in what a text refers to: a carrier's own variables first, of which nothing more is put in. Returns it `composed`. */
function expanded(written: string, key: string, making: Making, lead = ''): Result<string, string> {
  const { host, secrets, notes, own, taken } = making
  const parts: TextPart[] = []
  // Own variables stand at odd places.
  for (const [i, part] of written.split(/\$\{(\w+)\}/).entries()) {
    const known = i % 2 === 1 ? own.get(part) : undefined
    if (known !== undefined) {
      parts.push(...partsOf(known.text))
      for (const each of known.taken) taken.add(each)
      continue
    }
    const read = expand(i % 2 === 1 ? `\${${part}}` : part, key, host, (referred) => secrets.ofVariable(referred))
    if (!read.ok) return read
    parts.push(...read.value.parts)
    notes.push(...read.value.notes.map((note) => `${lead}${note}`))
    for (const each of read.value.taken) taken.add(each)
  }
  return composed(parts)
}

/**
 * Resolves what a client would put into a text when it starts a server: `${NAME}`, `${NAME:-otherwise}`, `${env:NAME}`,
 * `$NAME`, `{env:NAME}`, `${input:name}`, `${workspaceFolder}`, `${userHome}`. Each becomes text where it is known and
 * harmless, and a secret, read at each start, where it is a credential or only known then.
 */
import { basename } from 'node:path'
import { isJsonObject, type JsonObject, no, ok, type Result } from '../../model/index.ts'
import { namesCredential } from './credential-names.ts'
import { credentialsIn } from './credentials.ts'
import type { TextPart } from './parts.ts'

export interface ClientHost {
  /** The environment of whoever reads the file. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Directory in which the client starts servers: the project that the file belongs to. */
  readonly project: string
  readonly home: string
  readonly inputs: readonly JsonObject[]
}

/** A secret that is read from a variable of the host. */
export interface Referred {
  readonly variable: string
  /** The description with which the client asks for it, where it does. */
  readonly about?: string
}

export interface Expansion {
  /** The parts of the text: what it says, and each referred secret by the name that `name` gave. */
  readonly parts: readonly TextPart[]
  /** Sentences for a person: which variable was read here, which default was taken. */
  readonly notes: readonly string[]
  /** Values of this host that the text carries, as they are written: `TOKEN`, `userHome`. None that is not set. */
  readonly taken: readonly string[]
}

/**
 * Resolves the references in one text.
 *
 * @param key the name that the text stands under, which may say that it is a credential.
 * @param name gives a secret its name.
 * @param late whether a value that is not known yet may be read at each start; of a URL's host it may not.
 */
export function expand(
  text: string,
  key: string,
  host: ClientHost,
  name: (referred: Referred) => string,
  late = true,
): Result<Expansion, string> {
  const notes: string[] = []
  const taken: string[] = []
  const parts: TextPart[] = []
  let at = 0
  for (const { 0: written, 1: braced, 2: plain, 3: curly, index } of text.matchAll(PATTERN)) {
    parts.push({ literal: text.slice(at, index) })
    at = index + written.length
    const found = resolved(braced ?? plain ?? curly ?? '', key, host, late)
    if (found.kind === 'fault') return no(`${written}: ${found.why}`)
    if (found.kind !== 'none' && found.taken !== undefined) taken.push(found.taken)
    if (found.kind === 'text' && found.note !== undefined) notes.push(found.note)
    if (found.kind === 'secret') parts.push({ secret: name(found.referred) })
    else parts.push({ literal: found.kind === 'text' ? found.text : written })
  }
  return ok({ parts: [...parts, { literal: text.slice(at) }], notes, taken })
}

/** Resolves the references in what is a path: no secret is part of one. */
export function expandPath(text: string, host: ClientHost): Result<string, string> {
  const read = expand(text, '', host, () => '', false)
  return read.ok ? ok(read.value.parts.map((part) => ('literal' in part ? part.literal : '')).join('')) : read
}

const PATTERN = /\$\{([^{}]*)\}|(?<!\S)\$([A-Z_][A-Z0-9_]{2,})(?!\S)|(?<!\$)\{((?:env|file):[^{}]*)\}/g

type Resolved =
  | { readonly kind: 'text'; readonly text: string; readonly note?: string; readonly taken?: string }
  | { readonly kind: 'secret'; readonly referred: Referred; readonly taken?: string }
  | { readonly kind: 'fault'; readonly why: string }
  | { readonly kind: 'none' }

function resolved(written: string, key: string, host: ClientHost, late: boolean): Resolved {
  const fixed = FIXED[written]?.(host)
  if (fixed !== undefined) return { kind: 'text', text: fixed, taken: written }
  const [, scheme = 'env', rest = ''] = /^(?:([a-zA-Z]+):(?!-))?([\s\S]*)$/.exec(written) ?? []
  if (scheme === 'input') return ofInput(rest, key, host, late)
  if (scheme !== 'env') return { kind: 'fault', why: `what "${scheme}" stands for is not known here` }
  const [, variable = '', , otherwise] = /^([A-Za-z_]\w*)(:?-([\s\S]*))?$/.exec(rest) ?? []
  if (variable === '') return { kind: 'none' }
  return ofVariable(variable, otherwise, key, host, late)
}

const FIXED: Readonly<Record<string, (host: ClientHost) => string>> = {
  workspaceFolder: ({ project }) => project,
  workspaceRoot: ({ project }) => project,
  workspaceFolderBasename: ({ project }) => basename(project),
  cwd: ({ project }) => project,
  userHome: ({ home }) => home,
  HOME: ({ home }) => home,
  pathSeparator: () => '/',
  '/': () => '/',
}

function ofVariable(
  variable: string,
  otherwise: string | undefined,
  key: string,
  host: ClientHost,
  late: boolean,
): Resolved {
  const value = host.variables[variable]
  const isSet = value !== undefined && value !== ''
  const text = isSet ? value : otherwise
  const taken = isSet ? { taken: variable } : {}
  const secret = isSecret(variable, key) || (text !== undefined && credentialsIn(text, key).length > 0)
  if (text === undefined || (secret && isSet)) {
    if (late) return { kind: 'secret', referred: { variable }, ...taken }
    return { kind: 'fault', why: `${variable} is not set: export it, then do this again` }
  }
  const from = isSet ? 'was read here' : 'is not set, its default was taken'
  return { kind: 'text', text, note: `${variable} ${from}`, ...taken }
}

/** Returns the variable that stands for what a client asks for under an id. */
function variableOf(id: string): string {
  return id
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_')
}

function ofInput(id: string, key: string, host: ClientHost, late: boolean): Resolved {
  const input = host.inputs.find((each) => isJsonObject(each) && each.id === id)
  const variable = variableOf(id)
  const about = typeof input?.description === 'string' ? input.description : undefined
  const { default: otherwise } = input ?? {}
  if (typeof otherwise === 'string' && otherwise !== '' && input?.password !== true && !isSecret(id, key))
    return { kind: 'text', text: otherwise, note: `${id} would be asked for: its default was taken` }
  if (variable === '' || !late) return { kind: 'fault', why: 'it would be asked for: write it out, then do this again' }
  const twin = host.inputs.find(
    ({ id: other }) => typeof other === 'string' && other !== id && variableOf(other) === variable,
  )
  if (twin) return { kind: 'fault', why: `${variable} would stand for ${String(twin.id)}, too: give one another id` }
  const taken = host.variables[variable] ? { taken: variable } : {}
  return { kind: 'secret', referred: { variable, ...(about !== undefined && { about }) }, ...taken }
}

/** Variables in which a shell keeps where it stands; `pwd` is a password elsewhere. */
const SHELL_PLACES: ReadonlySet<string> = new Set(['PWD', 'OLDPWD'])

function isSecret(variable: string, key: string): boolean {
  return [variable, key].some((name) => !SHELL_PLACES.has(name) && namesCredential(name))
}

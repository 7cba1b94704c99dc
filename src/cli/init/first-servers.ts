/** The servers of a first configuration: read from where a person has them, put into cells, asked what they offer. */
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import process from 'node:process'
import {
  type LeftOut,
  type NamedServer,
  readMcpServers,
  type SecretPlan,
  serverFrom,
} from '../../config/mcp-servers.ts'
import { isLoopback } from '../../config/read/upstreams.ts'
import { commandInCell } from '../../control/advice/command-in-cell.ts'
import { liesIn, resolvedPath } from '../../model/host/host-paths.ts'
import { readPlainFile } from '../../model/host/plain-file.ts'
import { no, ok, placeholdersIn, type Result } from '../../model/index.ts'
import { type FirstUpstream, secretsNamed } from './first-config.ts'

export interface FirstServers {
  readonly upstreams: readonly FirstUpstream[]
  readonly leftOut: readonly LeftOut[]
  /** Sentences about the file that they were taken from. */
  readonly notes: readonly string[]
}

/** Bytes of a list that are read: more than any client's file has. */
const FILE_BYTES_MAX = 4_194_304

/**
 * Reads the servers that a person names, and plans a cell for each.
 *
 * @param file a client's own list of servers, where one is named.
 * @param written servers of the command line: `name=command`.
 * @param kept where the configuration is written: shown to no cell.
 */
export function firstServers(
  file: string | undefined,
  written: readonly string[],
  kept: readonly string[],
  secrets: SecretPlan,
): Result<FirstServers, string> {
  const servers: Named[] = []
  const leftOut: LeftOut[] = []
  const notes: string[] = []
  if (file !== undefined) {
    if (!existsSync(file)) return no(`--mcp: there is no ${file}`)
    const text = textOf(file)
    if (text === undefined) return no(`--mcp ${file}: it cannot be read, or is no client’s file`)
    const project = projectOf(resolve(file))
    const read = readMcpServers(text, hostIn(project), secrets)
    if (!read.ok) return no(`--mcp ${file}: ${read.reason}`)
    const byHand = isClientsOwn(resolve(file), process.env.HOME ?? '/root')
    servers.push(...read.value.servers.map((server) => ({ server, cwd: project, byHand })))
    leftOut.push(...read.value.leftOut)
    notes.push(...read.value.notes)
  }
  for (const text of written) {
    const taken = new Set(servers.map(({ server }) => server.name))
    const server = serverFrom(text, hostIn(process.cwd()), secrets, taken)
    if (!server.ok) return no(`--server: ${server.reason}`)
    servers.push({ server: server.value, cwd: process.cwd(), byHand: true })
  }
  const planned = servers.map((each) => [each.server, plan(each, kept)] as const)
  const upstreams = planned.flatMap(([, each]) => (each.ok ? [each.value] : []))
  const refused = planned.flatMap(([{ key }, each]) => (each.ok ? [] : [{ key, why: each.reason }]))
  if (written.length > 0 && file === undefined && refused.length > 0)
    return no(refused.map(({ key, why }) => `${key}: ${why}`).join('; '))
  return ok({ upstreams, leftOut: [...leftOut, ...refused], notes })
}

const UNASKED = { known: false, why: 'nobody has asked it yet' } as const
/** Places of this host that one server is shown at most: a cell may have 64, and a person adds some. */
const PLACES_MAX = 56

interface Named {
  readonly server: NamedServer
  readonly cwd: string
  readonly byHand: boolean
}

function plan({ server, cwd, byHand }: Named, kept: readonly string[]): Result<FirstUpstream, string> {
  if (server.kind === 'http') {
    const url = new URL(server.url)
    const carries = secretsNamed([{ server, tools: UNASKED }]).size > 0
    if (carries && url.protocol !== 'https:' && !isLoopback(url.hostname))
      return no(`its credential would travel in the clear to ${url.host}: give its https address`)
    return ok({ server, tools: UNASKED })
  }
  if (server.cwd !== undefined && statSync(server.cwd, { throwIfNoEntry: false })?.isDirectory() !== true)
    return no(`its cwd ${server.cwd} is not there`)
  const options = { kept, project: cwd, startsThere: server.cwd !== undefined, byHand }
  const contained = commandInCell(server.command, server.cwd ?? cwd, options)
  if (!contained.ok) return contained
  if (contained.value.files.size > PLACES_MAX)
    return no(
      `it would be shown ${contained.value.files.size} places of this host: put its program into a directory without secrets`,
    )
  const planned = { server, contained: contained.value, tools: UNASKED }
  // A directory of the project can have any name, and stands in the command and in variables then.
  const meant = new Set([...server.command, ...server.env.values()].flatMap((text) => placeholdersIn(text)).map(nameOf))
  if (!secretsNamed([planned]).isSubsetOf(meant)) return no('a path of it reads as a reference to a secret: rename it')
  return ok(planned)
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

/** Returns the project of a client's file: `.vscode/mcp.json` and the like belong to the directory around theirs. */
function projectOf(file: string): string {
  const directory = dirname(file)
  return /^\.[a-z]/.test(basename(directory)) ? dirname(directory) : directory
}

/** Files below a home in which clients keep the servers that a person added, for all projects. */
const CLIENTS_OWN = new RegExp(
  `^(?:${[
    '\\.(?:claude|mcp)\\.json',
    '\\.(?:claude|cursor|gemini|codex|continue|vscode|roo|copilot|lmstudio|codeium/windsurf|kiro/settings)/[\\w.-]+',
    '\\.config/(?:zed|opencode|amp|goose|crush)/[\\w.-]+',
    '(?:\\.config|Library/Application Support)/(?:Claude|Code|Code - Insiders|VSCodium|Cursor|Windsurf)/(?:User/(?:globalStorage/[\\w.-]+/settings/)?)?[\\w.-]+',
  ].join('|')})$`,
)

/** Tells whether a file of servers is a person's own, and none that came with a project. */
function isClientsOwn(file: string, home: string): boolean {
  return CLIENTS_OWN.test(relative(home, file)) || CLIENTS_OWN.test(relative(resolvedPath(home), resolvedPath(file)))
}

function hostIn(project: string) {
  return {
    variables: process.env,
    project,
    home: process.env.HOME ?? '/root',
    // A link of the project may lead out of it.
    readFile: (path: string) =>
      existsSync(path) && liesIn(resolvedPath(path), resolvedPath(project)) ? textOf(path) : undefined,
  }
}

function textOf(path: string): string | undefined {
  try {
    const file = readPlainFile(path, FILE_BYTES_MAX)
    if (file?.whole !== true) return undefined
    const { bytes } = file
    const wide = bytes[0] === 0xff && bytes[1] === 0xfe
    return new TextDecoder(wide ? 'utf-16le' : 'utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Directories that servers work on: an agent is shown none of them beside what its grants give. */
export function workspacesOf(upstreams: readonly FirstUpstream[]): readonly string[] {
  return upstreams.flatMap(({ contained }) => (contained?.workspace === undefined ? [] : [join(contained.workspace)]))
}

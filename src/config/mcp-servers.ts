import { no, ok, type Result } from '../model/index.ts'
import { findServers } from './clients/find-servers.ts'
import { readLooseJson } from './clients/loose-json.ts'
import { fitName } from './clients/names.ts'
import { type NamedServer, type ReadingHost, readServer } from './clients/read-server.ts'
import type { SecretPlan } from './clients/secrets.ts'
import { plainYaml } from './clients/yaml-file.ts'
import { wordsOf } from './words.ts'

export type { NamedServer } from './clients/read-server.ts'
export type { PlannedSecret } from './clients/secrets.ts'
export { SecretPlan } from './clients/secrets.ts'

/** A server that a configuration cannot have, and why. */
export interface LeftOut {
  readonly key: string
  readonly why: string
}

export interface ClientFile {
  readonly servers: readonly NamedServer[]
  readonly leftOut: readonly LeftOut[]
  /** Sentences about the file as a whole. */
  readonly notes: readonly string[]
}

/**
 * Reads a client's own list of servers. A server that cannot be taken is told with its reason, and costs no other; nothing
 * is left out silently. Credentials become secrets of `secrets`, and none stands in what is returned.
 */
export function readMcpServers(
  text: string,
  host: Omit<ReadingHost, 'inputs'>,
  secrets: SecretPlan,
): Result<ClientFile, string> {
  const read = readLooseJson(text)
  const yaml = read.ok || /^\s*[{[]/.test(text) ? undefined : plainYaml(text)
  if (!read.ok && yaml === undefined) return no(`it is not JSON: ${read.reason}`)
  const found = findServers(read.ok ? read.value.value : (yaml ?? null))
  if (found === undefined) return no('it has no "mcpServers", and nothing else that names servers')
  const servers: NamedServer[] = []
  const leftOut: LeftOut[] = []
  const taken = new Set<string>()
  for (const { key, value } of found.servers) {
    const name = fitName(key, taken)
    const server = readServer(name, key, value, { ...host, inputs: found.inputs }, secrets)
    if (server.ok) {
      servers.push(server.value)
      taken.add(name)
    } else leftOut.push({ key, why: server.reason })
  }
  const repeated = read.ok ? read.value.repeated : []
  const notes = repeated.map((path) => `${path} stands twice: the last was taken`)
  return ok({ servers, leftOut, notes })
}

/**
 * Reads a server of the command line, `name=command and its arguments` or `name=https://…`: quotes keep a word
 * together, as in a shell.
 */
export function serverFrom(
  text: string,
  host: Omit<ReadingHost, 'inputs'>,
  secrets: SecretPlan,
  taken: ReadonlySet<string> = new Set(),
): Result<NamedServer, string> {
  const [, key = '', rest = ''] = /^([^=\s]+)=(.+)$/s.exec(text) ?? []
  if (key === '') return no(`"${text}" is not <name>=<command or URL>, like files="node server.js ./data"`)
  const [command, ...args] = wordsOf(rest)
  if (command === undefined) return no(`"${text}" names no program`)
  const value = /^https?:\/\//.test(rest) ? { url: rest } : { command, args }
  const server = readServer(fitName(key, taken), key, value, { ...host, inputs: [] }, secrets)
  // Whoever writes a command line sends what it says.
  return server.ok && server.value.kind === 'http' ? ok({ ...server.value, carries: [] }) : server
}

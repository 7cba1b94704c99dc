import { isJsonObject, type Json, NAME_PATTERN, no, ok, type Result } from '../model/index.ts'

/** A server as clients' own configurations have it (`mcpServers`, in VS Code `servers`). */
export type NamedServer = { readonly name: string; readonly env: ReadonlyMap<string, string> } & (
  | { readonly kind: 'stdio'; readonly command: readonly [string, ...string[]] }
  | { readonly kind: 'http'; readonly url: string; readonly headers: ReadonlyMap<string, string> }
)

/** Reads the text of such a file. What is in it and not understood is a fault, never left out. */
export function readMcpServers(text: string): Result<readonly NamedServer[], string> {
  let json: Json
  try {
    json = JSON.parse(text) as Json
  } catch (error) {
    return no(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  const listed = isJsonObject(json) ? (json.mcpServers ?? json.servers) : undefined
  if (!isJsonObject(listed)) return no('it has no "mcpServers"')
  const servers: NamedServer[] = []
  for (const [key, value] of Object.entries(listed)) {
    const name = upstreamNameFrom(key)
    if (name === undefined || !isJsonObject(value)) return no(`"${key}" cannot be an upstream’s name, or is no server`)
    if (servers.some((other) => other.name === name)) return no(`two servers would be called "${name}"`)
    const { command, args = [], url } = value
    const env = textsIn(value.env)
    const headers = textsIn(value.headers)
    if (env === undefined || headers === undefined) return no(`"${key}": env and headers are texts by name`)
    if (typeof url === 'string' && URL.canParse(url)) servers.push({ name, kind: 'http', url, env, headers })
    else if (typeof command === 'string' && command !== '' && isTexts(args))
      servers.push({ name, kind: 'stdio', command: [command, ...args], env })
    else return no(`"${key}" has neither a command with args nor a url`)
  }
  return ok(servers)
}

/** `name=command and its arguments`, or `name=https://…`: quotes keep a word together, as in a shell. */
export function serverFrom(text: string): Result<NamedServer, string> {
  const [, key = '', rest = ''] = /^([^=\s]+)=(.+)$/s.exec(text) ?? []
  const name = upstreamNameFrom(key)
  if (name === undefined) return no(`"${text}" is not <name>=<command or URL>, like files="node server.js ./data"`)
  if (/^https?:\/\//.test(rest) && URL.canParse(rest))
    return ok({ name, kind: 'http', url: rest, env: new Map(), headers: new Map() })
  const words = [...rest.matchAll(/(?:"([^"]*)"|'([^']*)'|[^\s"']+)+/g)].map(([word]) => word.replaceAll(/["']/g, ''))
  const [program, ...args] = words
  if (program === undefined) return no(`"${text}" names no program`)
  return ok({ name, kind: 'stdio', command: [program, ...args], env: new Map() })
}

function upstreamNameFrom(key: string): string | undefined {
  const name = key
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  return NAME_PATTERN.test(name) && name !== 'firebreak' ? name : undefined
}

function textsIn(value: Json | undefined): ReadonlyMap<string, string> | undefined {
  if (value === undefined) return new Map()
  if (!isJsonObject(value)) return undefined
  const entries = Object.entries(value)
  return entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
    ? new Map(entries as [string, string][])
    : undefined
}

function isTexts(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

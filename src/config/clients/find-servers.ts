/**
 * Finds the MCP servers in a client's file. There is no standard: each client has a key of its own, some keep servers
 * for each project, some a list with names. All that are found are taken, whatever else stands in the file.
 */
import { isJsonObject, type Json, type JsonObject } from '../../model/index.ts'

export interface WrittenServer {
  /** The server's name as the file has it. */
  readonly key: string
  readonly value: Json
}

export interface FoundServers {
  readonly servers: readonly WrittenServer[]
  /** Questions that VS Code asks a person, by the name that `${input:name}` has. */
  readonly inputs: readonly JsonObject[]
}

/** Returns the servers in a client's file; undefined where nothing in it looks like servers. */
export function findServers(json: Json): FoundServers | undefined {
  const places = isJsonObject(json) ? placesIn(json) : Array.isArray(json) ? [json] : []
  const bare = places.length === 0 && isJsonObject(json) && isBareMap(json) ? [json] : []
  const all = [...places, ...bare]
  if (all.length === 0) return undefined
  return { servers: all.flatMap(serversIn), inputs: isJsonObject(json) ? inputsIn(json) : [] }
}

/**
 * Claude, Cursor, Windsurf, Gemini, Continue, Cline and Roo say `mcpServers`; VS Code `servers`, in its settings
 * `mcp.servers`; Zed `context_servers`; Codex `mcp_servers`; opencode `mcp`; Amp `amp.mcpServers`.
 */
const KEYS = [
  'mcpServers',
  'servers',
  'context_servers',
  'mcp_servers',
  'mcp.servers',
  'mcp.mcpServers',
  'amp.mcpServers',
  'modelContextProtocolServers',
]

/** Objects in which the keys above are looked for, too; under `projects` each of its members. */
const AROUND = ['mcp', 'experimental', 'amp', 'settings', 'customizations', 'vscode']

function placesIn(json: JsonObject, depth = 0): readonly Json[] {
  const here = KEYS.flatMap((key) => (isPlace(json[key]) ? [json[key]] : []))
  if (depth > 3) return here
  const inside = AROUND.flatMap((key) => {
    const around = json[key]
    return isJsonObject(around) ? placesIn(around, depth + 1) : []
  })
  const opencode = inside.length === 0 && isJsonObject(json.mcp) && isBareMap(json.mcp) ? [json.mcp] : []
  const projects = isJsonObject(json.projects) ? Object.values(json.projects) : []
  const ofProjects = projects.flatMap((project) => (isJsonObject(project) ? placesIn(project, depth + 1) : []))
  return [...here, ...inside, ...opencode, ...ofProjects]
}

function isPlace(value: Json | undefined): value is Json {
  return isJsonObject(value) || Array.isArray(value)
}

/** Tells whether an object has names and servers without a key around them, among which comments may stand. */
function isBareMap(json: JsonObject): boolean {
  return Object.values(json).some(isServer)
}

function isServer(value: Json): boolean {
  return isJsonObject(value) && ['command', 'url', 'serverUrl', 'httpUrl'].some((key) => value[key] !== undefined)
}

function serversIn(place: Json): readonly WrittenServer[] {
  if (Array.isArray(place))
    return place.map((value, i) => ({
      key: isJsonObject(value) && typeof value.name === 'string' ? value.name : `server-${i + 1}`,
      value: isJsonObject(value) && isJsonObject(value.transport) ? { ...value, ...value.transport } : value,
    }))
  if (!isJsonObject(place)) return []
  // A comment under a key of its own is no server, and no secret is looked for in it.
  return Object.entries(place).flatMap(([key, value]) => (isRemark(key, value) ? [] : [{ key, value }]))
}

function isRemark(key: string, value: Json): boolean {
  return /^(?:_|\/\/|\$|#)/.test(key) && !isServer(value)
}

function inputsIn(json: JsonObject): readonly JsonObject[] {
  const all = [json, ...AROUND.map((key) => json[key])].flatMap((around) =>
    isJsonObject(around) && Array.isArray(around.inputs) ? around.inputs : [],
  )
  return all.filter(isJsonObject)
}

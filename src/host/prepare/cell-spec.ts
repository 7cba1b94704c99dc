import { randomBytes } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { CELL_USER, type CellAbout, type CellSpec, type Layer } from '../../cells/spec.ts'
import { type Agent, type CellConfig, type Config, HOME_FILES } from '../../config/config.ts'
import { foundAt } from '../../config/server-urls.ts'
import { type CellId, newCellId } from '../../model/index.ts'
import type { State } from '../state/state.ts'
import type { ShownTrust } from '../trust/shown-trust.ts'
import { configurationFiles } from './configuration-files.ts'

/** The port on a cell's own loopback where its gateway listens; behind it there is nobody but that cell's gateway. */
export const GATEWAY_PORT = 7070

/** Port on which a relay finds its way out, if its environment has one. */
export const EGRESS_PORT = 7071

export interface CellPlan extends Pick<CellSpec, 'command' | 'secretCommand' | 'stdio'> {
  /** Id of the cell, where it is known before; made here otherwise. */
  readonly id?: CellId
  /** Names its workspace's changes in the state. */
  readonly name: string
  readonly cell: CellConfig
  /** An agent's cell has a listener and is told where; an upstream cell has none. */
  readonly listener: boolean
  /** A relay's cell has a proxy in its place. */
  readonly egress?: boolean
  readonly variables: Readonly<Record<string, string>>
  readonly about: CellAbout
  /** Files and variables by which it believes its gate; absent: it is shown this host's own roots. */
  readonly trust?: ShownTrust
  /** Ports on which its gate meets it at every address; absent or empty: it has no way to the web. */
  readonly anywhere?: CellSpec['anywhere']
  /** Paths of the workspace that the cell does not see. */
  readonly hidden?: readonly string[]
}

/** Returns what the warden is asked for, from the configuration alone. */
export function cellSpec(config: Config, state: Pick<State, 'directory' | 'workspace'>, plan: CellPlan): CellSpec {
  const { cell, command, secretCommand, stdio, listener, egress = false, hidden = [], trust, anywhere = [] } = plan
  const unseen = unseenPaths(config, state.directory)
  const files = configurationFiles(config)
  const io = cell.ioBytesPerSecond
  return {
    id: plan.id ?? newCellId(randomBytes(16)),
    about: plan.about,
    command,
    ...(secretCommand && { secretCommand }),
    stdio,
    variables: {
      ...BASE_VARIABLES,
      ...(listener && GATEWAY_VARIABLES),
      ...(egress && EGRESS_VARIABLES),
      ...trust?.variables,
      ...plan.variables,
    },
    ...(cell.home && { home: HOME_FILES }),
    ...(cell.cwd !== undefined && { workingDirectory: cell.cwd }),
    root: cell.root === undefined ? { kind: 'host-usr' } : { kind: 'directory', path: cell.root },
    files: [...cell.files].map(([to, from]) => ({ from, to })),
    ...((listener || trust) && { texts: [...(listener ? [CLIENT_CONFIG] : []), ...(trust?.texts ?? [])] }),
    ...(listener && { decoys: config.containment.decoys.files }),
    ...(cell.workspace && {
      workspace: { lower: cell.workspace, changes: state.workspace(plan.name), at: '/workspace', hidden },
    }),
    limits: {
      memoryBytes: cell.memoryBytes,
      cpu: cell.cpu,
      pids: cell.pids,
      wallMs: cell.wallMs,
      ...(io !== undefined && { io: { readBytesPerSecond: io, writeBytesPerSecond: io } }),
    },
    ports: listener ? [GATEWAY_PORT] : egress ? [EGRESS_PORT] : [],
    ...(anywhere.length > 0 && { anywhere }),
    ...(config.profile === 'user' && { accepts: WITHOUT_ROOT }),
    protectedPaths: [
      ...files.flatMap(({ path, kind }) => (kind === 'certificates' ? [] : [path])),
      ...unseen,
      ...FIREBREAK,
    ],
    shownPaths: [...files.flatMap(({ path, kind }) => (kind === 'certificates' ? [path] : [])), ...BUNDLED],
    unseenPaths: unseen,
  }
}

/**
 * Returns the ports on which the gate of an agent's cells meets them at every address: those of the web and of names, and
 * those of the origins that it is granted. None where it is granted no origin, and nobody observes what it reaches for.
 */
export function webPorts({ upstreams }: Config, { grants, observed }: Agent): NonNullable<CellSpec['anywhere']> {
  const granted = new Set(grants.map(({ upstream }) => upstream))
  const places = [...upstreams.values()].flatMap(({ name, server }) =>
    granted.has(name) && server.kind === 'origin' ? foundAt(server) : [],
  )
  if (places.length === 0 && observed !== true) return []
  const own = places.map((place) => new URL(place)).flatMap(({ port }) => (port === '' ? [] : [Number(port)]))
  const tcp = [...new Set([80, 443, 53, ...own])].map((port) => ({ transport: 'tcp', port }) as const)
  return [...tcp, { transport: 'udp', port: 53 }]
}

/**
 * Returns what no cell may read: files of secrets, of every environment, and the states of every tenant (keys, ledgers,
 * witnesses and control sockets).
 */
function unseenPaths({ secrets }: Config, stateDirectory: string): readonly string[] {
  const files = [...secrets.values()].flatMap((source) => (source.kind === 'file' ? [source.path] : []))
  const above = dirname(stateDirectory)
  return [...files, basename(above) === 'tenants' ? dirname(above) : stateDirectory]
}

/** Layers that `profile: user` in the configuration accepts to go without, where the host lacks them; the receipt names it. */
const WITHOUT_ROOT: readonly Layer[] = ['memory', 'cpu', 'pids', 'io', 'freeze', 'own-uid', 'owner-map', 'disk']

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** Code of ours: what decides must not be what is decided upon. Its node and packages may be shown to a cell, read-only. */
const FIREBREAK = [join(ROOT, 'src'), join(ROOT, 'bin')]

/** The same code, bundled, and compiled: it lies among packages. */
const BUNDLED = [join(ROOT, 'node_modules', '.cache', 'firebreak')]

/** The same text for every cell: each finds its own gateway at the same place. */
const CLIENT_CONFIG = {
  text: `${JSON.stringify({ mcpServers: { firebreak: { type: 'http', url: `http://127.0.0.1:${GATEWAY_PORT}/mcp` } } }, null, 2)}\n`,
  to: '/firebreak/mcp.json',
}

export const BASE_VARIABLES = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: CELL_USER.home,
  USER: CELL_USER.name,
  LANG: 'C.UTF-8',
}

/** Variables as curl, Python, Go, Git and Node read them. */
const PROXY = `http://127.0.0.1:${EGRESS_PORT}`
const EGRESS_VARIABLES = {
  http_proxy: PROXY,
  https_proxy: PROXY,
  HTTP_PROXY: PROXY,
  HTTPS_PROXY: PROXY,
  NODE_USE_ENV_PROXY: '1',
}

const GATEWAY_VARIABLES = {
  FIREBREAK_MCP_URL: `http://127.0.0.1:${GATEWAY_PORT}/mcp`,
  FIREBREAK_MCP_CONFIG: CLIENT_CONFIG.to,
}

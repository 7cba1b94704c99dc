import { lookup } from 'node:dns/promises'
import { existsSync, globSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { HostReport } from '../../cells/abilities.ts'
import type { CellConfig, Config } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { urlsOf } from '../../config/server-urls.ts'
import { openSecrets } from '../../gateway/content/secrets.ts'
import { inspectedWorkspace } from '../../host/files/workspace-names.ts'
import type { WorkspaceNote } from '../../host/files/workspace-note.ts'
import { surveyWorkspace } from '../../host/files/workspace-survey.ts'
import { readSecret } from '../../host/prepare/secrets.ts'
import { textsOf } from '../../host/shown/handed.ts'
import { lookThrough } from '../../host/shown/shown.ts'
import { tenantOf, tenantState } from '../../host/state/tenants.ts'
import type { EnvironmentName } from '../../model/index.ts'
import type { Looked, Survey } from './findings.ts'
import { cellRefusal } from './try-launch.ts'

/** Milliseconds that a place may take to answer; a person waits meanwhile. */
const CONNECT_MS_MAX = 2_000

/** Patterns of the files that hold tests of policies, beside a configuration. */
export const POLICY_TESTS: readonly string[] = ['*.test.yaml', 'policies/**/*.test.yaml']

/**
 * Looks once at everything outside of the configuration that it leans on. Secrets are read, and none is kept.
 *
 * @param progress hears what is looked at next.
 */
export async function surveyFor(
  config: Config,
  report: HostReport,
  stateDirectory: string,
  progress: (text: string) => void = () => undefined,
): Promise<Survey> {
  const values = new Map<string, string>()
  const unread = new Map<string, string>()
  for (const [name, source] of config.secrets) {
    const value = readSecret(source, config.directory)
    const usable = value.ok ? openSecrets(new Map([[name, value.value]])) : value
    if (!usable.ok) unread.set(name, usable.reason)
    else if (value.ok) values.set(name, value.value)
  }
  const looked = new Map<CellConfig, Looked>()
  for (const each of cellsOf(config)) {
    if (values.size > 0) progress(`looking through what ${each.name} is shown`)
    const refusal = await cellRefusal(config, each.state(stateDirectory), each.name, each.cell)
    looked.set(
      each.cell,
      refusal === undefined ? await lookedFor(config, each, values) : { refusal, unsearched: [], unmet: [] },
    )
  }
  return {
    report,
    secrets: unread,
    places: new Map(
      (await Promise.all(placesOf(config).map(async (url) => [url.origin, await faultOf(url)] as const))).flatMap(
        ([origin, fault]) => (fault === undefined ? [] : [[origin, fault] as const]),
      ),
    ),
    absent: new Set(shownIn(config).filter((path) => !existsSync(path))),
    policyTests: globSync([...POLICY_TESTS], { cwd: config.directory }).length,
    workspaces: new Map(cellsOf(config).map(({ cell }) => [cell, notesOf(config, cell)])),
    looked,
  }
}

/**
 * Looks through what a cell is shown for all secrets. A start knows the values of its own environment alone: what it would
 * not refuse is told apart.
 */
async function lookedFor(
  config: Config,
  { cell, environment, command, given }: NamedCell,
  values: ReadonlyMap<string, string>,
): Promise<Looked> {
  const handed = { ...cell, texts: textsOf(command, cell.env, cell), given }
  const { refusal, ...looked } = await lookThrough(config, handed, values)
  if (refusal === undefined) return looked
  const used = [...config.upstreams.values()].filter((upstream) => upstream.environment === environment)
  const names = new Set(used.flatMap(({ server }) => secretsOf(server)))
  const own = await lookThrough(config, handed, new Map([...values].filter(([name]) => names.has(name))))
  return own.refusal === undefined ? { ...own, unknown: refusal } : own
}

interface NamedCell {
  readonly cell: CellConfig
  readonly command: readonly string[]
  /** Secrets that it is given. */
  readonly given: readonly string[]
  readonly environment: EnvironmentName
  /** Name of the cell's changes in the state. */
  readonly name: string
  readonly state: (stateDirectory: string) => string
}

function cellsOf(config: Config): readonly NamedCell[] {
  const state = (environment: EnvironmentName) => (directory: string) =>
    tenantState(directory, tenantOf(config, environment))
  return [
    ...[...config.agents.values()].map(({ name, cell, environment, command = [] }) => ({
      name,
      cell,
      command,
      given: [],
      environment,
      state: state(environment),
    })),
    ...[...config.upstreams.values()].flatMap((upstream) =>
      upstream.server.kind === 'stdio'
        ? [
            {
              name: inspectedWorkspace(upstream),
              cell: upstream.server.cell,
              command: upstream.server.command,
              given: secretsOf(upstream.server),
              environment: upstream.environment,
              state: state(upstream.environment),
            },
          ]
        : [],
    ),
  ]
}

function notesOf({ profile }: Config, { workspace }: CellConfig): readonly WorkspaceNote[] {
  return workspace === undefined ? [] : surveyWorkspace(workspace, profile)
}

function placesOf({ upstreams, environments }: Config): readonly URL[] {
  const direct = [...upstreams.values()].flatMap(({ server }) => urlsOf(server))
  return [...direct, ...[...environments.values()].flatMap(({ egress }) => egress.map(({ value }) => value))]
}

function shownIn(config: Config): readonly string[] {
  return cellsOf(config).flatMap(({ cell: { files, workspace } }) => [
    ...files.values(),
    ...(workspace === undefined ? [] : [workspace]),
  ])
}

/** Returns why nobody is reached at a place; undefined where somebody listens. Nothing is sent. */
async function faultOf({ hostname, port, protocol }: URL): Promise<string | undefined> {
  const host = hostname.replaceAll(/[[\]]/g, '')
  const known = await Promise.race([
    lookup(host).catch(() => undefined),
    delay(CONNECT_MS_MAX, undefined, { ref: false }),
  ])
  if (known === undefined) return 'its name leads nowhere from here'
  return new Promise((resolve) => {
    const socket = connect({ host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) })
    const end = (fault?: string) => {
      socket.destroy()
      resolve(fault)
    }
    socket.setTimeout(CONNECT_MS_MAX, () => end(`nobody answers within ${CONNECT_MS_MAX / 1_000} s`))
    socket.once('connect', () => end())
    socket.once('error', (error) =>
      end(`nobody listens there (${'code' in error ? String(error.code) : error.message})`),
    )
  })
}

import { spawn } from 'node:child_process'
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import type { Cell, CellStdio, MayBegin, Warden } from '../../cells/driver.ts'
import type { Handle } from '../../cells/handle.ts'
import { type CellAbout, launchFaultText } from '../../cells/spec.ts'
import type { Config, StdioServer, UpstreamConfig } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { injectInto } from '../../gateway/content/secrets.ts'
import { no, ok, placeholdersIn, type Result } from '../../model/index.ts'
import { egressOf } from '../prepare/catalogue.ts'
import { cellSpec } from '../prepare/cell-spec.ts'
import { injectSecrets } from '../prepare/secrets.ts'
import { textsOf } from '../shown/handed.ts'
import { lookThrough, lookThroughKept } from '../shown/shown.ts'
import type { State } from '../state/state.ts'

export type StdioUpstream = UpstreamConfig & { readonly server: StdioServer }

/** A stdio server in its upstream cell, not yet running; whoever takes the pipes speaks to it. */
export interface UpstreamCell {
  readonly cell: Cell
  readonly pipes: Pick<Extract<CellStdio, { kind: 'pipes' }>, 'stdin' | 'stdout'>
  /** The listener on which the gateway accepts what a relay asks for; absent where it has nowhere to go. */
  readonly wayOut?: Handle
  /** Phrases about what of its files was not looked through for secrets. */
  readonly unsearched: readonly string[]
}

/** The particulars of one launch of a stdio server. */
export interface UpstreamLaunch {
  /** Name of its changes in the state, where it has a workspace. */
  readonly workspace: string
  readonly secrets: ReadonlyMap<string, string>
  readonly about: CellAbout
  readonly mayBegin?: MayBegin | undefined
}

/**
 * Launches a stdio server, which is untrusted: it gets a cell of its own, without a listener and without any network,
 * and of all secrets those that its entry in the configuration names. A relay's cell has one way out: a listener behind
 * which whoever speaks to it knows the environment's egress.
 */
export async function launchUpstreamCell(
  warden: Warden,
  config: Config,
  state: State,
  upstream: StdioUpstream,
  { workspace, secrets, about, mayBegin }: UpstreamLaunch,
): Promise<Result<UpstreamCell, string>> {
  const { name, server } = upstream
  const [program, ...args] = server.command
  if (program === undefined) return no(`upstream ${name} has no command`)
  const named = secretsOf(server)
  const lacking = named.find((each) => !secrets.has(each))
  if (lacking !== undefined) return no(`upstream ${name}: secret "${lacking}" has no value`)
  const handed = { ...server.cell, texts: textsOf(server.command, server.cell.env, server.cell), given: named }
  const { hidden, refusal, unsearched } = await lookThrough(config, handed, secrets)
  if (refusal !== undefined) return no(`upstream ${name}: ${refusal}`)
  const egress = upstream.relay && egressOf(config, upstream.environment).length > 0
  const launched = await warden.launch(
    cellSpec(config, state, {
      name: workspace,
      cell: server.cell,
      command: [program, ...args],
      ...(args.some((arg) => placeholdersIn(arg).length > 0) && {
        secretCommand: [program, ...args.map((arg) => injectInto(arg, secrets, named))],
      }),
      stdio: { kind: 'pipes' },
      listener: false,
      egress,
      hidden,
      variables: injectSecrets(secrets, named, server.cell.env),
      about,
    }),
    mayBegin,
  )
  if (!launched.ok) return no(`upstream ${name}: ${launchFaultText(launched.reason)}`)
  const {
    door: { stdio, listeners },
    upper,
  } = launched.value
  const kept = upper === undefined ? undefined : await lookThroughKept(config, upper, hidden, secrets)
  if (kept?.refusal !== undefined) {
    await launched.value.teardown()
    return no(`upstream ${name}: ${kept.refusal}`)
  }
  if (stdio.kind !== 'pipes') return no(`upstream ${name} has no pipes`)
  drain(stdio.stderr.take(), state.log(`upstream-${name}`), state.uidOf('pump'))
  const [wayOut] = listeners
  return ok({
    cell: launched.value,
    pipes: stdio,
    unsearched: [...unsearched, ...(kept?.unsearched ?? [])],
    ...(wayOut && { wayOut }),
  })
}

/**
 * Renames a log that is large. Each start of a server may write 1 MiB, and cells choose how often one is started: a log
 * has one before it, and no more.
 */
export function turnOver(log: string): void {
  const bytes = statSync(log, { throwIfNoEntry: false })?.size ?? 0
  if (bytes > LOG_BYTES_MAX) renameSync(log, `${log}.1`)
}

const LOG_BYTES_MAX = 8 * 1024 ** 2

/** Writes its complaints to a log as far as a person would read them; the rest is dropped, never left to block it. */
function drain(fd: number, log: string, uid: number | undefined): void {
  turnOver(log)
  const file = openSync(log, 'a', 0o600)
  const keep = spawn('/bin/sh', ['-c', 'head -c 1048576; exec cat >/dev/null'], {
    stdio: [fd, file, 'ignore'],
    detached: true,
    env: { PATH: '/usr/bin:/bin' },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  keep.on('error', () => undefined)
  keep.unref()
  closeSync(fd)
  closeSync(file)
}

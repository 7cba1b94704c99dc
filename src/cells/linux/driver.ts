/** The linux driver: cells are processes of this host, in namespaces and cgroups of their own. */

import { no, ok, type Result } from '../../model/result.ts'
import { asJson } from '../../model/text/parse-json.ts'
import type { Cell, Driver, HaltFault, Proof, Warden } from '../driver.ts'
import type { CellSpec, LaunchFault } from '../spec.ts'
import { checkSpec } from './abilities/check.ts'
import { probeHost } from './abilities/probe.ts'
import type { LinuxCell } from './launch/cell.ts'
import { type LinuxWarden, openWarden, profileFault } from './launch/warden.ts'
import { checkWorkspace, keptFromWorkspaces } from './workspace/overlay.ts'

export const linux: Driver = {
  name: 'linux',
  abilities: async () => probeHost(),
  unfit: profileFault,
  refusal,
  async open(options) {
    const opened = await openWarden(options)
    return opened.ok ? ok(wardenOf(opened.value)) : opened
  },
}

function refusal(spec: CellSpec): LaunchFault | undefined {
  const checked = checkSpec(spec)
  if (!checked.ok) return checked.reason
  const found = spec.workspace === undefined ? ok(undefined) : checkWorkspace(spec.workspace, keptFromWorkspaces(spec))
  return found.ok ? undefined : found.reason
}

function wardenOf(warden: LinuxWarden): Warden {
  const { profile, runDirectory, reaped } = warden
  return {
    profile,
    runDirectory,
    reaped,
    workspaces: warden,
    recordGateway: warden.recordGateway,
    async launch(spec, mayBegin) {
      const launched = await warden.launch(spec, mayBegin)
      return launched.ok ? ok(cellOf(launched.value, warden)) : launched
    },
    close: warden.close,
  }
}

function cellOf(cell: LinuxCell, warden: LinuxWarden): Cell {
  const { id, receipt, exited, listeners, stdio, upper } = cell
  return {
    id,
    receipt,
    exited,
    door: { listeners, stdio },
    ...(upper !== undefined && { upper }),
    start: cell.start,
    halt: (rung) => (rung === 'killed' ? killed(cell) : frozen(cell)),
    thaw: cell.thaw,
    signal: cell.signal,
    listenAgain: cell.listenAgain,
    async connections(gatewayPid) {
      const count = await cell.connections(gatewayPid)
      return count === undefined ? no(UNREADABLE) : ok(count)
    },
    left: async () => cell.pids().map(String),
    evidence: async () => asJson({ processes: cell.evidence(), processesInAll: cell.pids().length }),
    pump: (streams) => warden.pump(cell, streams),
    sense: (onSensed) => warden.sense(cell, onSensed),
    teardown: cell.teardown,
  }
}

const UNREADABLE = 'the kernel shows no table of its network: a listener or a connection of it may stand'

async function frozen(cell: LinuxCell): Promise<Result<Proof, HaltFault>> {
  const done = await cell.freeze()
  return done.ok ? ok(proof('cgroup.events says frozen 1')) : done
}

async function killed(cell: LinuxCell): Promise<Result<Proof, HaltFault>> {
  const done = await cell.kill()
  return done.ok ? ok(proof(done.value)) : done
}

function proof(said: string): Proof {
  return { by: 'kernel', said, atMs: Date.now() }
}

/** The checks of a launch by its words alone: the same for every driver. */
import { no, ok, type Result } from '../model/result.ts'
import type { CellSpec, LaunchFault } from './spec.ts'

/** Variables and arguments together; the kernel's own limit for one exec is 2 MiB. */
const EXEC_BYTES_MAX = 1_048_576
const FILES_MAX = 64
/** Listeners on a cell's own loopback: its gateway's, and a few more. */
export const PORTS_MAX = 16
/** Ports that are answered at every address: names, the web, and what is pinned besides. */
export const ANYWHERE_MAX = 16

/** Refuses a launch whose numbers, ports or command contradict themselves; looks at nothing of the host. */
export function checkWords(spec: CellSpec): Result<void, LaunchFault> {
  const wrong = (field: string, problem: string) => no<LaunchFault>({ kind: 'spec', field, problem })
  const { limits } = spec
  if (!(limits.memoryBytes >= 4_194_304)) return wrong('limits.memoryBytes', 'at least 4 MiB')
  if (!(limits.cpu >= 0.01 && limits.cpu <= 1_024)) return wrong('limits.cpu', 'between 0.01 and 1024 cores')
  if (!(Number.isSafeInteger(limits.pids) && limits.pids >= 2 && limits.pids <= 65_536))
    return wrong('limits.pids', 'between 2 and 65,536')
  if (limits.wallMs !== undefined && !(limits.wallMs > 0 && limits.wallMs <= 2 ** 31 - 1))
    return wrong('limits.wallMs', 'up to 24 days')
  if (spec.ports.length > PORTS_MAX) return wrong('ports', `at most ${PORTS_MAX}`)
  if (new Set(spec.ports).size !== spec.ports.length) return wrong('ports', 'one is given twice')
  if (!spec.ports.every(isPort)) return wrong('ports', 'between 1 and 65,535')
  const anywhere = checkAnywhere(spec)
  if (!anywhere.ok) return anywhere
  if (spec.files.length > FILES_MAX) return wrong('files', `at most ${FILES_MAX}`)

  const texts = [
    ...(spec.secretCommand ?? spec.command),
    ...Object.entries(spec.variables).flat(),
    spec.workingDirectory ?? '',
  ]
  if (texts.some((text) => text.includes('\0'))) return wrong('command', 'a NUL byte ends an argument early')
  if (texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0) > EXEC_BYTES_MAX)
    return wrong('command', `over ${EXEC_BYTES_MAX} bytes`)
  if (Object.keys(spec.variables).some((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)))
    return wrong('variables', 'not a name')
  return ok(undefined)
}

function checkAnywhere({ ports, anywhere = [] }: CellSpec): Result<void, LaunchFault> {
  const wrong = (problem: string) => no<LaunchFault>({ kind: 'spec', field: 'anywhere', problem })
  if (anywhere.length > ANYWHERE_MAX) return wrong(`at most ${ANYWHERE_MAX}`)
  if (new Set(anywhere.map(({ transport, port }) => `${transport} ${port}`)).size !== anywhere.length)
    return wrong('one is given twice')
  if (anywhere.some(({ transport }) => transport !== 'tcp' && transport !== 'udp')) return wrong('tcp or udp')
  if (anywhere.some(({ port }) => !isPort(port))) return wrong('between 1 and 65,535')
  if (anywhere.some(({ transport, port }) => transport === 'udp' && port >= UNPRIVILEGED_PORT))
    return wrong(`of UDP below ${UNPRIVILEGED_PORT}, which programs of the cell cannot share`)
  // A listener of every address stands on loopback, too.
  if (anywhere.some(({ transport, port }) => transport === 'tcp' && ports.includes(port)))
    return wrong('one of them is among ports')
  return ok(undefined)
}

/**
 * The first port that a program without capabilities may bind (ip_unprivileged_port_start, ip(7)). A socket of UDP that
 * libuv adopts gets SO_REUSEADDR: a higher port could be shared by whatever in the cell sets that, too.
 */
const UNPRIVILEGED_PORT = 1_024

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}

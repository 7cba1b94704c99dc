/** The checks of a launch by its words alone: the same for every driver. */
import { no, ok, type Result } from '../model/result.ts'
import type { CellSpec, LaunchFault } from './spec.ts'

/** Variables and arguments together; the kernel's own limit for one exec is 2 MiB. */
const EXEC_BYTES_MAX = 1_048_576
const FILES_MAX = 64
const PORTS_MAX = 16

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
  if (spec.ports.some((port) => !(Number.isInteger(port) && port > 0 && port < 65_536)))
    return wrong('ports', 'between 1 and 65,535')
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

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { NotedCell } from '../../cells/census.ts'
import { startOf, unlessGone } from '../../cells/kernel/process-end.ts'
import { firstNames } from '../../config/known-names.ts'
import { census } from '../drivers.ts'
import type { Silent } from '../people/control-request.ts'
import { listenerOf } from '../people/control-socket.ts'
import { type Confirmation, eventually } from './containment.ts'

const END_MS_MAX = 2_000

/**
 * Ends a warden that was reached and does not answer. Its cells die with it (W1), and its gateway ends with its channel:
 * what is left of them is looked for by `reapDead`. Who it is the kernel says of a connection to its socket, and that it
 * is gone only a connection that is refused: the number in the socket's name is of the PID namespace that the warden was
 * started in, and counts only where the socket is too busy to be reached. Signalled is the process that has the socket
 * open and runs as the user to whom that belongs, and nobody else; one of which that is not told is not confirmed. `proc`
 * is where proc(5) lies.
 */
export async function endSilentWarden({ state, socket, pid: named }: Silent, proc = '/proc'): Promise<Confirmation> {
  const begun = performance.now()
  const look = () => listenerOf(state, socket)
  let pid = named
  const told = (confirmed: boolean, said: string): Confirmation => {
    return {
      point: `warden ${pid}`,
      by: 'kernel',
      confirmed,
      said,
      afterMs: performance.now() - begun,
      escalated: true,
    }
  }
  try {
    const listener = look()
    if (listener.kind === 'nobody') return told(true, GONE)
    if (listener.kind === 'process' && listener.pid === 0)
      return told(false, `it does not answer, and runs in a PID namespace that is not seen from here: ${END_IT}`)
    if (listener.kind === 'process') pid = listener.pid
    const since = startOf(pid, proc)
    if (since === undefined || !holds(proc, pid, socket) || !isOf(proc, pid, listener.uid)) {
      // One that is ending at this moment has let go of it, in parts.
      if (await eventually(() => look().kind === 'nobody', END_MS_MAX)) return told(true, GONE)
      const why = listener.kind === 'unreached' ? ` (${listener.why})` : ''
      return told(false, `it does not answer, and which process it is cannot be told${why}: ${END_IT}`)
    }
    if (startOf(pid, proc) === since) process.kill(pid, 'SIGKILL')
    const gone = await eventually(() => startOf(pid, proc) !== since && look().kind === 'nobody', END_MS_MAX)
    return told(gone, gone ? 'it did not answer, and was ended' : 'it does not answer, and cannot be ended')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return told(false, `it does not answer, and whether it lives cannot be told: ${why}`)
  }
}

const GONE = 'it was gone: nobody listens at its socket'
const END_IT = 'order the stop where it was started, such as in its container, or end that'

/**
 * Ends what the kernel still has of cells of dead wardens, and proves it gone; adds to `noted` what they were. A warden of which it cannot be told whether
 * it lives, or what it has left, is not confirmed.
 */
export async function reapDead(
  runDirectories: readonly string[],
  noted: NotedCell[] = [],
): Promise<readonly Confirmation[]> {
  const begun = performance.now()
  const reaped = await census.reap(runDirectories)
  noted.push(...reaped.flatMap((each) => each.noted))
  const untold = reaped.flatMap(({ run, untold: why }): readonly Confirmation[] => {
    if (why === undefined) return []
    const said = `whether it lives, or what is left of it, cannot be told, and its cells may go on: ${why}`
    const afterMs = performance.now() - begun
    return [{ point: `warden of ${run}`, by: 'kernel', confirmed: false, said, afterMs, escalated: false }]
  })
  const told = reaped.flatMap(({ cells, gateways, left }) =>
    [...cells.map((cell) => `processes of ${cell}`), ...gateways, ...left.filter(isGateway)].map((point) => ({
      point,
      by: 'kernel' as const,
      confirmed: left.length === 0,
      said: left.length === 0 ? 'its warden is dead, and nothing of it is left' : `left: ${firstNames(left)}`,
      afterMs: performance.now() - begun,
      escalated: true,
    })),
  )
  return [...untold, ...told]
}

/** Tells one that could not be ended from what else is left: it has a point of its own, also where no cell is. */
function isGateway(left: string): boolean {
  return left.startsWith('gateway ')
}

/**
 * Tells whether the process has the socket open, by the table of its own network: its number alone may be somebody else's;
 * the name of its socket has been nobody else's. Throws where the kernel does not tell. proc(5), /proc/net/unix
 */
function holds(proc: string, pid: number, socket: string): boolean {
  const own = join(proc, `${pid}`)
  const table = unlessGone(() => readFileSync(join(own, 'net/unix'), 'utf8')) ?? ''
  const inodes = table
    .split('\n')
    .flatMap((line) => (line.endsWith(`/${socket}`) ? [`socket:[${line.split(/\s+/)[6]}]`] : []))
  const descriptors = unlessGone(() => readdirSync(join(own, 'fd'))) ?? []
  const targets = descriptors.map((fd) => unlessGone(() => readlinkSync(join(own, 'fd', fd))))
  return targets.some((target) => target !== undefined && inodes.includes(target))
}

/** Tells whether a process runs as this user; false where it is not known which. proc(5), the second of Uid: is the effective one */
function isOf(proc: string, pid: number, uid: number | undefined): boolean {
  const status = unlessGone(() => readFileSync(join(proc, `${pid}`, 'status'), 'utf8')) ?? ''
  return uid !== undefined && Number(/^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]) === uid
}

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { NotedCell } from '../../cells/census.ts'
import { startOf, unlessGone } from '../../cells/kernel/process-end.ts'
import { census } from '../drivers.ts'
import type { Silent } from '../people/control-request.ts'
import { type Confirmation, eventually } from './containment.ts'

const END_MS_MAX = 2_000

/**
 * Ends a warden that was reached and does not answer. Its cells die with it (W1), and its gateway ends with its channel:
 * what is left of them is looked for by `reapDead`. One of which the kernel does not tell whether it lives is not
 * signalled, and not confirmed. Only a process of the user to whom the socket belongs is: another could have given it the
 * name of somebody else's. `proc` is where proc(5) lies.
 */
export async function endSilentWarden({ pid, socket, uid }: Silent, proc = '/proc'): Promise<Confirmation> {
  const begun = performance.now()
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
    const since = startOf(pid, proc)
    if (since === undefined || !holds(proc, pid, socket) || !isOf(proc, pid, uid))
      return told(true, 'it was gone: no process has its socket')
    if (startOf(pid, proc) === since) process.kill(pid, 'SIGKILL')
    const gone = await eventually(() => startOf(pid, proc) !== since, END_MS_MAX)
    return told(gone, gone ? 'it did not answer, and was ended' : 'it does not answer, and cannot be ended')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return told(false, `it does not answer, and whether it lives cannot be told: ${why}`)
  }
}

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
      said: left.length === 0 ? 'its warden is dead, and nothing of it is left' : `left: ${left.join(', ')}`,
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
 * Tells whether the process has the socket open, by the table of its own network: its number alone may be somebody else's
 * by now; the name of its socket has been nobody else's. Throws where the kernel does not tell. proc(5), /proc/net/unix
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

/** Tells whether a process runs as this user, where one is named. proc(5), the second of Uid: is the effective one */
function isOf(proc: string, pid: number, uid: number | undefined): boolean {
  const status = unlessGone(() => readFileSync(join(proc, `${pid}`, 'status'), 'utf8')) ?? ''
  return uid === undefined || Number(/^Uid:\t\d+\t(\d+)/m.exec(status)?.[1]) === uid
}

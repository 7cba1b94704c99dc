/**
 * Tells by the kernel's tables whether a process has ended. A look that fails for any other reason than that nothing is
 * there is thrown: it must not pass for an end.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { failedWith } from '../../model/host/system-error.ts'

/**
 * Returns when a process began, in ticks of the kernel; undefined where it has ended. With its pid that is one process: a
 * pid alone may be somebody else's by now. One that has ended and that nobody has reaped counts as gone; one of which only
 * the main thread has ended is shown as a zombie, too, and runs on in the others. proc(5), stat fields 3 (state), 20
 * (threads) and 22 (start). `proc` is where proc(5) lies.
 */
export function startOf(pid: number, proc = '/proc'): string | undefined {
  const path = join(proc, `${pid}`, 'stat')
  const stat = unlessGone(() => readFileSync(path, 'utf8'))
  if (stat === undefined) {
    // Mounted with `hidepid=2`, proc(5) shows as missing what this user may not look at.
    if (isThere(pid)) throw new Error(`${path} is missing, and process ${pid} is there`)
    return undefined
  }
  const fields = fieldsOf(stat)
  if ((fields[0] === 'Z' || fields[0] === 'X') && !(Number(fields[17]) > 1)) return undefined
  const since = fields[19]
  if (since === undefined) throw new Error(`${path} is cut off`)
  return since
}

/** Returns the fields of proc(5), stat, from the third one (state) on: the name before it may have spaces and brackets. */
function fieldsOf(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/**
 * Tells whether a process that is there has a kill before it, or has begun to end. proc(5): SigPnd and ShdPnd of `status`;
 * state and flags of `stat`, with PF_EXITING of include/linux/sched.h.
 */
export function isEnding(pid: number): boolean {
  const status = unlessGone(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? ''
  const pending = [...status.matchAll(/^S(?:ig|hd)Pnd:\t([0-9a-f]+)$/gm)]
  if (pending.some(([, mask]) => (BigInt(`0x${mask}`) & SIGKILL_PENDING) !== 0n)) return true
  const [state, , , , , , flags] = fieldsOf(unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? '')
  return state === 'Z' ? startOf(pid) !== undefined : (Number(flags) & PF_EXITING) !== 0
}

const SIGKILL_PENDING = 1n << 8n
const PF_EXITING = 4

/** Tells whether a process was stopped by a signal: it does not end by itself. proc(5), stat, state */
export function isStopped(pid: number): boolean {
  try {
    return /^[Tt]$/.test(fieldsOf(readFileSync(`/proc/${pid}/stat`, 'latin1'))[0] ?? '')
  } catch {
    return false
  }
}

/** Tells whether a process has this number, also one that nobody has reaped. kill(2) */
function isThere(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return !failedWith(error, 'ESRCH')
  }
}

/** Returns what is read, or undefined where there is nothing any more; throws what else is in the way. */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (failedWith(error, ...GONE)) return undefined
    throw error
  }
}

/** ENODEV is what a file of a cgroup says that is removed while it is open. */
const GONE: readonly string[] = ['ENOENT', 'ESRCH', 'ENODEV']

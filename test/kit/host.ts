/** What stands of a cell or a process on this host, as the kernel tells it. */
import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import koffi from 'koffi'
import type { ProgramName } from '../../src/model/host/program-file.ts'
import { runsProgram } from './runs-program.ts'

/** What runs as a uid; zombies run nothing. */
export function processesOf(uid: number): readonly number[] {
  return pids().filter((pid) => {
    const status = textOf(pid, 'status')
    return new RegExp(`^Uid:\\t${uid}\\t`, 'm').test(status) && !/^State:\tZ/m.test(status)
  })
}

/** Everything of a cell that a teardown takes away: cgroups, mounts, processes, its reserved uid. Empty when it is gone. */
export function leftOf(cell: { readonly id: string; readonly uid: number }): readonly string[] {
  const cgroups = ['memory', 'cpu', 'pids', 'blkio', 'unified', '.'].map((hierarchy) =>
    join('/sys/fs/cgroup', hierarchy, 'firebreak', cell.id),
  )
  return [
    ...cgroups.filter((path) => existsSync(path)),
    ...mountPoints().filter((path) => path.includes(cell.id)),
    ...processesOf(cell.uid).map((pid) => `process ${pid}`),
    ...[`/run/firebreak/uids/${cell.uid}`].filter((path) => existsSync(path)),
  ]
}

/** Where something is mounted, in this namespace. proc(5) */
export function mountPoints(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
}

/** Children of a process that run a program of ours. */
export function childrenOf(parent: number, program: ProgramName): readonly number[] {
  return pids().filter((pid) => parentOf(pid) === parent && runsProgram(textOf(pid, 'cmdline'), program))
}

/** By what their command line begins with and holds: the program in a cell, and not what holds that cell. */
export function programs(program: string, argument: string): readonly number[] {
  return pids().filter((pid) => {
    const [first, ...rest] = textOf(pid, 'cmdline').split('\0')
    return first === program && rest.includes(argument)
  })
}

/** `R`, `S`, `T` (stopped), `Z` (ended, not yet waited for); undefined where there is no such process. */
export function stateOf(pid: number): string | undefined {
  return afterName(pid)[0]
}

/** What stands open in another process, as whoever has taken that process over holds it. pidfd_getfd(2) */
export function stolenDescriptor(pid: number, fd: number): number {
  const pidfd = Number(syscall(PIDFD_OPEN, pid, 0, 0))
  const stolen = Number(syscall(PIDFD_GETFD, pidfd, fd, 0))
  closeSync(pidfd)
  if (stolen < 0) throw new Error(`descriptor ${fd} of ${pid}: errno ${koffi.errno()}`)
  return stolen
}

/** Of every architecture. */
const PIDFD_OPEN = 434
const PIDFD_GETFD = 438
const syscall: (number: number, a: number, b: number, c: number) => number | bigint = koffi
  .load('libc.so.6')
  .func('long syscall(long number, long a, long b, long c)')

function parentOf(pid: number): number {
  return Number(afterName(pid)[1])
}

/** proc(5), stat: the name in brackets may hold anything; what follows it does not. */
function afterName(pid: number): readonly string[] {
  const stat = textOf(pid, 'stat')
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function pids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Empty for a process that has ended while we looked. */
function textOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

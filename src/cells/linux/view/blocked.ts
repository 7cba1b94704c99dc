import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, read, readFileSync, readSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { failedWith } from '../../../model/host/system-error.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { type Handle, hold } from '../../handle.ts'
import { closeAllOnExec, memoryFile, newTerminal, pipe, type SystemFault, systemFaultText } from '../../kernel/libc.ts'
import { limitedCommand } from '../../kernel/rlimit.ts'
import type { CellSpec, LaunchFault } from '../../spec.ts'
import { BUBBLEWRAP, bubblewrapOptions, type PreparedMounts } from '../launch/bubblewrap.ts'
import type { LinuxStdio } from '../launch/cell.ts'
import { afterFilter, shellFor } from '../launch/first-instruction.ts'
import { type UserOverlay, userOverlayCommand } from '../launch/user-overlay.ts'
import type { FilterProgram } from '../seccomp/filter.ts'

/** A cell that exists and has not run its first instruction. */
export interface Blocked {
  /** bubblewrap outside the cell: its end is the cell's end. */
  readonly monitor: ChildProcess
  /** Host pid of pid 1 in the cell. */
  readonly initPid: number
  readonly stdio: LinuxStdio
  readonly unblock: Handle
  /**
   * Waits until bubblewrap has built the cell and stands before its first instruction. What it could not build (a root
   * that is not there, a place that cannot be made) is a fault here, not an odd exit of the command later.
   */
  ready(): Promise<Result<void, LaunchFault>>
  /** Ends it and closes what is ours of it. */
  abandon(): Promise<void>
}

/** bubblewrap answers in 3 ms; a host that takes this long is not one to start a cell on. */
const INFO_TIMEOUT_MS = 60_000
const INFO_BYTES_MAX = 4_096
const OUTPUT_BYTES_MAX = 2_048

/** Numbers the descriptors have in bubblewrap; none of them survives into the cell. */
const CHILD = { info: 3, block: 4, filter: 5, options: 6 } as const

/**
 * Starts bubblewrap as `identity` and waits until it names the cell's pid 1. Everything opened here is close-on-exec and
 * closed on every path; the cell itself gets three pipe ends or one terminal, and nothing else.
 */
export async function spawnBlocked(
  spec: CellSpec,
  identity: { readonly uid: number; readonly gid: number },
  filter: FilterProgram,
  prepared: Omit<PreparedMounts, 'infoFd' | 'blockFd' | 'filterFd' | 'newSession'>,
  outer: UserOverlay | undefined,
): Promise<Result<Blocked, LaunchFault>> {
  const theirs: Handle[] = []
  const ours: Handle[] = []
  const faulted = (step: string, fault: SystemFault) => {
    for (const held of [...theirs, ...ours]) held.close()
    return no<LaunchFault>({ kind: 'failed', step, problem: systemFaultText(fault) })
  }
  const opened = <T>(result: Result<T, SystemFault>): T => {
    if (!result.ok) throw new SystemError(result.reason)
    return result.value
  }
  const keep = (list: Handle[], fd: number): Handle => {
    const held = hold(fd)
    list.push(held)
    return held
  }
  try {
    const stdio = openStdio(
      spec,
      opened,
      (fd) => keep(ours, fd),
      (fd) => keep(theirs, fd),
    )
    const [infoRead, infoWrite] = opened(pipe())
    const info = keep(ours, infoRead)
    const infoTheirs = keep(theirs, infoWrite)
    const [blockRead, blockWrite] = opened(pipe())
    const blockOnce = keep(theirs, blockRead)
    const unblock = keep(ours, blockWrite)
    // Read *and* write: bubblewrap takes an end of file for its word to go on, and the end of this process would be
    // one. A pipe whose reader is also a writer has no end of file.
    const block = keep(theirs, openSync(`/proc/self/fd/${blockOnce.fd}`, 'r+'))
    const program = keep(theirs, opened(memoryFile('filter', filter.bytes)))
    const shell = shellFor(spec.root)
    const options = bubblewrapOptions(spec, {
      ...prepared,
      binds: [...shell.binds, ...prepared.binds],
      infoFd: CHILD.info,
      blockFd: CHILD.block,
      filterFd: CHILD.filter,
      newSession: spec.stdio.kind !== 'terminal',
    })
    const optionsFile = keep(
      theirs,
      opened(memoryFile('options', Buffer.from(options.map((option) => `${option}\0`).join('')))),
    )
    opened(closeAllOnExec())

    // A terminal becomes the controlling one of a session of its own; the person's is in another session.
    const session = spec.stdio.kind === 'terminal' ? ['/usr/bin/setsid', '--ctty'] : []
    const mounting = outer === undefined ? [] : userOverlayCommand(outer)
    const [first = '', ...rest] = [...session, ...limitedCommand(spec.limits), ...mounting, BUBBLEWRAP]
    const args = [
      ...rest,
      '--args',
      `${CHILD.options}`,
      '--',
      ...afterFilter(spec.secretCommand ?? spec.command, shell, spec.home),
    ]
    const monitor = spawn(first, args, {
      ...(process.getuid?.() === 0 ? identity : {}),
      cwd: '/',
      env: {},
      stdio: [...stdio.child, infoTheirs.fd, block.fd, program.fd, optionsFile.fd],
    })
    const failed = new Promise<string>((resolve) => {
      monitor.once('error', (error) => resolve(error.message))
      monitor.once('exit', (code, signal) => resolve(`exit ${code ?? signal}`))
    })
    for (const held of theirs) held.close()

    const text = await Promise.race([readInfo(info), failed.then(() => ''), delay(INFO_TIMEOUT_MS, '', { ref: false })])
    const initPid = childPid(text)
    const died = async (): Promise<LaunchFault> => {
      const output = stdio.parts.kind === 'pipes' ? readNow(stdio.parts.stderr.fd) : ''
      const problem = await Promise.race([failed, delay(100, 'no answer', { ref: false })])
      return { kind: 'failed', step: 'bubblewrap', problem, output }
    }
    if (initPid === undefined) {
      // Its child first: until it is unblocked it does not die with its parent.
      for (const child of childrenOf(monitor.pid)) killProcess(child)
      monitor.kill('SIGKILL')
      await failed
      const fault = await died()
      for (const held of ours) held.close()
      return no(fault)
    }
    return ok({
      monitor,
      initPid,
      stdio: stdio.parts,
      unblock,
      async ready() {
        for (const startMs = performance.now(); performance.now() - startMs < INFO_TIMEOUT_MS; ) {
          if (monitor.exitCode !== null || monitor.signalCode !== null) return no(await died())
          if (waitsForUs(initPid)) return ok(undefined)
          await delay(1)
        }
        return no(await died())
      },
      async abandon() {
        const ended = monitor.exitCode === null && monitor.signalCode === null ? once(monitor, 'exit') : undefined
        // Not only the monitor: until it is unblocked, pid 1 of the cell does not die with its parent.
        if (ended) killProcess(initPid)
        monitor.kill('SIGKILL')
        await ended
        for (const held of ours) held.close()
      },
    })
  } catch (error) {
    if (error instanceof SystemError) return faulted('descriptors', error.fault)
    for (const held of [...theirs, ...ours]) held.close()
    throw error
  }
}

class SystemError extends Error {
  readonly fault: SystemFault
  constructor(fault: SystemFault) {
    super(systemFaultText(fault))
    this.fault = fault
  }
}

/** Pipes, not the socket pairs that Node would make: a socket could be asked for its peer, and passed descriptors. */
function openStdio(
  spec: CellSpec,
  opened: <T>(result: Result<T, SystemFault>) => T,
  ours: (fd: number) => Handle,
  theirs: (fd: number) => Handle,
): { readonly parts: LinuxStdio; readonly child: readonly [number, number, number] } {
  if (spec.stdio.kind === 'terminal') {
    const terminal = opened(newTerminal(spec.stdio.columns, spec.stdio.rows))
    const far = theirs(terminal.terminal).fd
    return { parts: { kind: 'terminal', controller: ours(terminal.controller) }, child: [far, far, far] }
  }
  const [inRead, inWrite] = opened(pipe())
  const child0 = theirs(inRead).fd
  const stdin = ours(inWrite)
  const [outRead, outWrite] = opened(pipe())
  const stdout = ours(outRead)
  const child1 = theirs(outWrite).fd
  const [errRead, errWrite] = opened(pipe())
  const stderr = ours(errRead)
  const child2 = theirs(errWrite).fd
  return { parts: { kind: 'pipes', stdin, stdout, stderr }, child: [child0, child1, child2] }
}

/**
 * bubblewrap's own words, from before the cell could write any. Answers as soon as the pid is among them: they come in
 * several writes, each of which is whole, pipe(7). Reads on to the end all the same, because a closed pipe would end
 * bubblewrap in the middle of its sentence.
 */
function readInfo(info: Handle): Promise<string> {
  const fd = info.take()
  const buffer = Buffer.alloc(INFO_BYTES_MAX)
  const { promise, resolve } = Promise.withResolvers<string>()
  const next = (length: number): void => {
    read(fd, buffer, length, buffer.length - length, null, (error, count) => {
      const text = buffer.toString('utf8', 0, length + (error ? 0 : count))
      const ended = error !== null || count === 0
      if (ended || childPid(text) !== undefined) resolve(text)
      if (ended) closeSync(fd)
      else next(length + count)
    })
  }
  next(0)
  return promise
}

function childPid(text: string): number | undefined {
  const pid = Number(/"child-pid": (\d+)/.exec(text)?.[1])
  return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined
}

/**
 * Tells whether this process sits in read(2) of the descriptor that blocks it: proc(5), syscall, whose first two fields
 * are the call and its first argument. Where that file cannot be read, it is taken to be so: only a clearer message is
 * lost.
 */
function waitsForUs(pid: number): boolean {
  try {
    const [number, fd] = readFileSync(`/proc/${pid}/syscall`, 'utf8').split(' ')
    return number === READ[process.arch] && Number(fd) === CHILD.block
  } catch (error) {
    return failedWith(error, 'EACCES', 'EPERM')
  }
}

const READ: Readonly<Record<string, string>> = { x64: '0', arm64: '63' }

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** Returns the contents of a pipe without waiting: a half-built cell may still hold its other end. */
function readNow(fd: number): string {
  const buffer = Buffer.alloc(OUTPUT_BYTES_MAX)
  let now: number | undefined
  try {
    now = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK)
    return buffer.toString('utf8', 0, readSync(now, buffer))
  } catch {
    return ''
  } finally {
    if (now !== undefined) closeSync(now)
  }
}

/** Children of a process, which cannot be reused numbers while it has not been reaped. proc(5) */
function childrenOf(pid: number | undefined): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text
      .split(' ')
      .filter((child) => child.trim() !== '')
      .map(Number)
  } catch {
    return []
  }
}

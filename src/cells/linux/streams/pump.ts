/**
 * Carries bytes between a person's streams and a cell's, in processes without privilege: nothing the cell writes is
 * read by the warden. A cell on pipes gets one `cat` for each stream; one on a terminal gets `pump-main.ts`.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { isatty } from 'node:tty'
import { programPath } from '../../../model/host/program-file.ts'
import type { Pump, Streams } from '../../driver.ts'
import { COMPILED } from '../../kernel/compile-cache.ts'
import type { LinuxCell } from '../launch/cell.ts'
import { inBackground, restoreTerminal, saveTerminal, writeReset } from './terminal.ts'

/**
 * Takes the cell's streams. `uid` is one that nothing else runs as (the warden reserves it); undefined where this
 * process is not root, and the pumps are then as unprivileged as it is.
 */
export function attachPump(cell: LinuxCell, streams: Streams, uid: number | undefined): Pump {
  return cell.stdio.kind === 'terminal' ? terminalPump(cell, streams, uid) : pipePump(cell, streams, uid)
}

const CAT = '/usr/bin/cat'
/** Milliseconds in which the last output of a cell is passed on; a reader that hangs does not keep us. */
const DRAIN_TIMEOUT_MS = 5_000

function pipePump(cell: LinuxCell, streams: Streams, uid: number | undefined): Pump {
  const { stdio } = cell
  if (stdio.kind !== 'pipes') throw new Error('unreachable')
  const identity = uid === undefined ? {} : { uid, gid: uid }
  const terminal = personsTerminal(streams)
  const copy = (from: number, to: number): ChildProcess =>
    spawn(CAT, [], { ...identity, stdio: [from, to, 'ignore'], cwd: '/', env: {} })
  const input = copy(streams.stdin, stdio.stdin.fd)
  const outputs = [copy(stdio.stdout.fd, streams.stdout), copy(stdio.stderr.fd, streams.stderr)]
  // Ours, besides the pumps': an end of file must reach the other side.
  for (const held of [stdio.stdin, stdio.stdout, stdio.stderr]) held.close()
  input.on('error', () => {})
  const done = Promise.all(outputs.map(ended)).then(() => {
    input.kill()
    terminal?.giveBack()
  })
  return {
    done,
    stop() {
      input.kill()
      setTimeout(() => {
        for (const output of outputs) output.kill()
      }, DRAIN_TIMEOUT_MS).unref()
    },
    resized: () => undefined,
  }
}

function terminalPump(cell: LinuxCell, streams: Streams, uid: number | undefined): Pump {
  const { stdio } = cell
  if (stdio.kind !== 'terminal') throw new Error('unreachable')
  const person = personsTerminal(streams)
  const program = programPath('cells/linux/streams/pump-main')
  const pump = spawn(process.execPath, [program, ...(uid === undefined ? [] : [`${uid}`])], {
    stdio: [streams.stdin, streams.stdout, 'inherit', stdio.controller.fd],
    cwd: '/',
    env: COMPILED,
  })
  stdio.controller.close()
  const done = ended(pump).then(() => {
    // Here and not only there: a pump that was killed has restored nothing.
    person?.giveBack()
  })
  return {
    done,
    // The terminal's own end of file ends the pump; this is for one that does not see it.
    stop: () => void setTimeout(() => pump.kill('SIGKILL'), DRAIN_TIMEOUT_MS).unref(),
    resized: () => void pump.kill('SIGWINCH'),
  }
}

/**
 * The terminal that a person sees a cell's output on, whichever stream it is: also a cell on pipes can leave it changed,
 * and ask it something whose answer would be typed into the person's shell.
 */
function personsTerminal({ stdout, stderr }: Streams): { giveBack(): void } | undefined {
  const shown = [stdout, stderr].find((fd) => isatty(fd))
  const saved = shown === undefined ? undefined : saveTerminal(shown)
  if (shown === undefined || saved === undefined) return undefined
  return {
    giveBack() {
      writeReset(shown)
      if (!inBackground(shown)) restoreTerminal(shown, saved)
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await Promise.race([once(child, 'exit'), once(child, 'error').catch(() => {})])
}

/** A pseudo-terminal as a person has one, and commands of ours on it. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { ReadStream } from 'node:tty'
import { newTerminal } from '../../src/cells/kernel/libc.ts'
import { repository } from './command-line.ts'
import { cleanUp } from './temporary.ts'

export interface Shown {
  readonly fd: number
  readonly shown: () => string
  /** Types these characters. */
  readonly type: (text: string) => void
}

/** Somebody reads it: what nobody reads holds its writer. */
export function terminal(): Shown {
  const opened = newTerminal(200, 40)
  assert.ok(opened.ok)
  let text = ''
  // One of a file would hold a thread of the few that Node has for them.
  const reader = new ReadStream(opened.value.controller)
  reader.on('data', (chunk) => {
    text += chunk
  })
  // EIO once nobody has it open.
  reader.on('error', () => undefined)
  cleanUp(() => {
    closeSync(opened.value.terminal)
    reader.destroy()
  })
  const { terminal: fd, controller } = opened.value
  return { fd, shown: () => text, type: (typed) => void writeSync(controller, typed) }
}

/** In a session of its own, as on a terminal of its own: nothing else of this test's session has to do with it. */
export function onTerminal({ fd }: Shown, args: readonly string[], input: number | 'ignore' = fd): ChildProcess {
  const child = spawn(join(repository, 'bin/firebreak'), args, {
    env: { PATH: process.env.PATH },
    stdio: [input, fd, fd],
    timeout: 240_000,
    killSignal: 'SIGKILL',
    detached: true,
  })
  cleanUp(() => void child.kill('SIGKILL'))
  return child
}

/** A person's shell, whose own terminal it is; a script in it calls the product as `firebreak`. */
export function shellOn(
  { fd }: Shown,
  script: string,
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = spawn('/usr/bin/setsid', ['--ctty', '/bin/sh', '-c', script], {
    env: { PATH: `${join(repository, 'bin')}:${process.env.PATH}`, ...environment },
    stdio: [fd, fd, fd],
    timeout: 240_000,
    killSignal: 'SIGKILL',
  })
  cleanUp(() => void child.kill('SIGKILL'))
  return child
}

export async function exitOf(child: ChildProcess): Promise<number> {
  const [code] = await once(child, 'exit')
  return Number(code)
}

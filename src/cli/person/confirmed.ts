import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import type { Call } from '../command.ts'
import { sharedTerminal } from './own-terminal.ts'

/**
 * Asks a person on the terminal, and resolves with whether they said yes; with no where no terminal is there to ask on, and
 * where a run has the same one (S9), which is told. Looks again behind the answer: a run may have started.
 */
export async function confirmed(
  call: Call,
  state: string,
  question: string,
  output: NodeJS.WritableStream = process.stderr,
): Promise<boolean> {
  if (!process.stdin.isTTY || isShared(call, state)) return false
  const lines = createInterface({ input: process.stdin, output })
  const answer = await lines.question(question)
  lines.close()
  return /^y(es)?$/i.test(answer.trim()) && !isShared(call, state)
}

function isShared(call: Call, state: string): boolean {
  const shared = sharedTerminal(state)
  if (shared !== undefined) call.print.fault(shared)
  return shared !== undefined
}

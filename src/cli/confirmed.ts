import process from 'node:process'
import { createInterface } from 'node:readline/promises'

/** Asks a person on the terminal, and resolves with whether they said yes; with no where no terminal is there to ask on. */
export async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(question)
  lines.close()
  return /^y(es)?$/i.test(answer.trim())
}

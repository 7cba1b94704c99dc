import process from 'node:process'
import type { Whole } from '../../host/people/held-whole.ts'
import type { KnownHold } from '../../ledger/views/holds.ts'
import type { ActionHeld, Result } from '../../model/index.ts'
import { type Call, EXIT, type ExitCode } from '../command.ts'
import { stateOf } from '../options/state.ts'
import { confirmed } from '../person/confirmed.ts'

/**
 * Makes sure that whoever approves has been shown all of it: on a terminal it is shown, and they are asked; anywhere else
 * they name its digest (`--read`). Returns how the command ends where they have not.
 */
export async function unread(
  call: Call,
  { held }: KnownHold,
  whole: Result<Whole, string>,
  words: readonly string[],
): Promise<ExitCode | undefined> {
  if (!whole.ok) {
    call.print.fault(...unseenText(held, whole.reason))
    return EXIT.denied
  }
  const { digest } = whole.value
  if (digest === undefined) return undefined
  const said = call.text('read')
  if (said === digest) return undefined
  if (said === undefined && process.stdin.isTTY && process.stdout.isTTY && !call.print.json) {
    for (const line of words) call.print.line(line)
    const question = `Approve ${held.hold}, all of which stands above? [y/N] `
    return (await confirmed(call, stateOf(call), question, process.stdout)) ? undefined : leave(call, held)
  }
  call.print.fault(...unreadText(held, said))
  return EXIT.needsApproval
}

/** Returns what a person is told of a hold that nobody can see whole, and what to do. */
export function unseenText({ hold }: ActionHeld, problem: string): readonly [string, string] {
  return [
    `nobody can see all that ${hold} would carry: ${problem}`,
    `firebreak deny ${hold}: the next attempt at it is held anew`,
  ]
}

/** Returns what a person is told who has not read all of a hold; `said` is what they gave for its digest. */
export function unreadText({ hold }: ActionHeld, said: string | undefined): readonly [string, string] {
  return [
    said === undefined
      ? `${hold} would carry more than its entry shows: read all of it first`
      : `--read ${said} is not the digest of what ${hold} would carry`,
    `firebreak why ${hold} --bytes shows it, and its digest; then: firebreak approve ${hold} --read <digest>`,
  ]
}

function leave(call: Call, { hold }: ActionHeld): ExitCode {
  call.print.line(`${hold} is left as it was`)
  return EXIT.needsApproval
}

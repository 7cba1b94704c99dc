import { createHash } from 'node:crypto'
import process from 'node:process'
import { isCovered } from '../../gateway/content/cover.ts'
import { heldArguments } from '../../gateway/pipeline/held-payload.ts'
import { logNamed } from '../../host/state/logs.ts'
import type { KnownHold } from '../../ledger/views/holds.ts'
import { type ActionHeld, type Json, no, ok, type Result } from '../../model/index.ts'
import { isShortened } from '../../rehearsal/replay.ts'
import { type Call, EXIT, type ExitCode } from '../command.ts'
import { stateOf } from '../options/state.ts'
import { confirmed } from '../person/confirmed.ts'

/** All that a held action would carry. */
export interface Whole {
  readonly args: Json
  /** The digest by which whoever has read them names them; absent where the entry shows them all. */
  readonly digest?: string
}

/** Returns what a held action would carry, with nothing left out, or why nobody can see it. */
export async function wholeOf(
  state: string,
  log: string,
  held: Pick<ActionHeld, 'action' | 'args' | 'cell' | 'hold' | 'payload'>,
): Promise<Result<Whole, string>> {
  if (isCovered(held.args)) return no(COVERED)
  if (!isShortened(held.args)) return ok({ args: held.args })
  if (held.payload === undefined) {
    return no(
      held.action === held.hold
        ? 'its entry names no payload'
        : `it is a further attempt at what waits already: firebreak why ${held.hold}`,
    )
  }
  const named = await logNamed(state, log)
  const read = await named.log.payload(held.cell, held.payload)
  if (!read.ok) return no(`its payload is ${read.reason.kind === 'failed' ? 'not to be read' : read.reason.kind}`)
  const args = heldArguments(read.value)
  if (args === undefined) return no('its payload is no request')
  if (isCovered(args)) return no(COVERED)
  return ok({ args, digest: createHash('sha256').update(read.value).digest('hex').slice(0, 16) })
}

const COVERED = 'a secret is covered in it, with the whole text that it stands in'

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
    call.print.fault(
      `nobody can see all that ${held.hold} would carry: ${whole.reason}`,
      `firebreak deny ${held.hold}: the next attempt at it is held anew`,
    )
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
  call.print.fault(
    said === undefined
      ? `${held.hold} would carry more than its entry shows: read all of it first`
      : `--read ${said} is not the digest of what ${held.hold} would carry`,
    `firebreak why ${held.hold} --bytes shows it, and its digest; then: firebreak approve ${held.hold} --read <digest>`,
  )
  return EXIT.needsApproval
}

function leave(call: Call, { hold }: ActionHeld): ExitCode {
  call.print.line(`${hold} is left as it was`)
  return EXIT.needsApproval
}

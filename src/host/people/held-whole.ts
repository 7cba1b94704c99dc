import { isCovered } from '../../gateway/content/cover.ts'
import { heldArguments } from '../../gateway/pipeline/held-payload.ts'
import { isShortened } from '../../gateway/pipeline/record.ts'
import { type ActionHeld, type Json, no, ok, type Result, shortDigest } from '../../model/index.ts'
import { logNamed } from '../state/logs.ts'

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
  return ok({ args, digest: shortDigest(read.value) })
}

const COVERED = 'a secret is covered in it, with the whole text that it stands in'

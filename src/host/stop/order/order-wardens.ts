import type { ControlReply, Done } from '../../people/control-request.ts'
import { askWardens } from '../../people/control-socket.ts'
import { statesReached, trialsOf } from '../../state/tenants.ts'
import { SILENCE_MS_MAX } from '../bounds.ts'
import type { Order, Target } from '../containment.ts'
import { endSilentWarden } from '../silent-warden.ts'
import type { AnsweredCells } from './census.ts'
import type { StopListener } from './stop-ask.ts'

/** Wardens that an order has gone to, and what they have named. */
export interface WardensAsked {
  /** Paths of their sockets. */
  readonly asked: Set<string>
  readonly said: AnsweredCells[]
}

/**
 * Sends the order to the wardens that are not in `asked`, and adds them to it, and what they name to `said`; ends those
 * that stay silent.
 */
export async function orderWardens(
  state: string,
  order: Order,
  { asked, said }: WardensAsked,
  { heard, waiting }: Pick<StopListener, 'heard' | 'waiting'>,
): Promise<readonly Done[]> {
  const before = asked.size
  let done = 0
  const wait = () =>
    waiting(() => `${asked.size - before - done} of ${asked.size - before} wardens`, SILENCE_MS_MAX + END_MS_MAX)
  wait()
  const onReply = (from: string) => (reply: ControlReply) => {
    // What is left has its whole time again.
    if (reply.kind === 'recording') return wait()
    if (reply.kind === 'confirmation') {
      heard(reply.confirmation)
      said.push({ from, names: [reply.confirmation.point] })
      return
    }
    done++
    const { environment, receipt } = reply
    said.push({ from, names: receipt?.cells ?? [], ...(environment !== undefined && { environment }) })
  }
  const request = { kind: 'contain', order } as const
  const answering = statesOrdered(state, order.target).map((each) =>
    askWardens(each, request, onReply(each), SILENCE_MS_MAX, asked),
  )
  const answers = (await Promise.all(answering)).flat()
  const silent = answers.flatMap((answer) => answer.silent ?? [])
  await Promise.all(silent.map(async (each) => heard(await endSilentWarden(each))))
  return answers
}

/** Returns the states of which wardens are ordered: all means what a doctor tries at this moment, too. */
export function statesOrdered(state: string, { kind }: Target): readonly string[] {
  const { states } = statesReached(state)
  return kind === 'all' ? [...states, ...trialsOf(state)] : states
}

/** Milliseconds for a warden to be gone that is ended. */
const END_MS_MAX = 2_000

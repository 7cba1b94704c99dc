import process from 'node:process'
import { createInterface, type Interface } from 'node:readline/promises'
import type { HoldAnswer } from '../../../host/people/mailbox.ts'
import { stateOfLog } from '../../../host/state/logs.ts'
import { storesOf } from '../../../host/state/stores.ts'
import type { KnownHold } from '../../../ledger/views/holds.ts'
import { LIMITS, personName } from '../../../model/index.ts'
import { stateOperator } from '../../../operator/state-operator.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { loginName } from '../../person/login-name.ts'
import { sharedTerminal } from '../../person/own-terminal.ts'
import { tellFault, wordsFor } from '../../print/holds.ts'

export const command: Command = {
  name: 'approvals',
  usage: ['firebreak approvals [--all] [--ask] [--state <dir>]'],
  example: 'firebreak approvals --ask --as maria.silva@shop.example',
  options: {
    ...STATE_OPTIONS,
    all: { type: 'boolean', help: 'also what was answered or has expired' },
    ask: { type: 'boolean', help: 'stay, and ask on this terminal for each that comes' },
    as: { type: 'string', value: 'person', help: 'who answers, with --ask (default: the login name)' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const state = stateOf(call)
  const operator = stateOperator(state)
  try {
    if (call.flag('ask')) return await ask(call, state)
    const holds = await operator.holds()
    const known = await Promise.all(holds.map(async (hold) => ({ hold, answered: await answerOf(state, hold) })))
    const waiting = known.filter(({ hold, answered }) => hold.state === 'waiting' && answered === undefined)
    const shown = await Promise.all(
      (call.flag('all') ? known : waiting).map(async (each) => ({
        ...each,
        whole: await operator.whole(each.hold),
      })),
    )
    call.print.object({
      ok: true,
      holds: shown.map(({ hold, answered, whole }) => ({
        ...hold,
        ...(answered && { answered }),
        whole: whole.ok ? whole.value : { problem: whole.reason },
      })),
    })
    if (waiting.length === 0) call.print.line('Nothing waits.')
    for (const { hold, answered, whole } of shown)
      for (const line of wordsFor(hold, answered, whole)) call.print.line(line)
    const [first] = waiting
    if (first !== undefined) call.print.line(`Answer with firebreak approve ${first.hold.held.hold}, or deny`)
    return waiting.length > 0 ? EXIT.needsApproval : EXIT.ok
  } catch (error) {
    call.print.fault(error instanceof Error ? error.message : String(error))
    return EXIT.storeUnreachable
  }
}

/** Returns the answer to a hold, where no gateway has heard it yet. */
async function answerOf(state: string, { held, log, state: stands }: KnownHold): Promise<HoldAnswer | undefined> {
  return stands === 'waiting' ? storesOf(await stateOfLog(state, log)).mailbox.get(held.hold) : undefined
}

/** Asks on a terminal that no run shows its cell on, which is looked at for each question and for each answer (S9). */
async function ask(call: Call, state: string): Promise<ExitCode> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    call.print.fault('--ask needs a terminal', 'firebreak approve <hold> and firebreak deny <hold> do not')
    return EXIT.usage
  }
  const isShared = () => {
    const shared = sharedTerminal(state)
    if (shared !== undefined) call.print.fault(shared)
    return shared !== undefined
  }
  if (isShared()) return EXIT.denied
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  call.print.line('Waiting for holds. Ctrl-C ends.')
  try {
    return await askEach(call, state, terminal, isShared)
  } finally {
    terminal.close()
  }
}

async function askEach(call: Call, state: string, terminal: Interface, isShared: () => boolean): Promise<ExitCode> {
  const operator = stateOperator(state)
  const [asked, next] = [new Set<string>(), new Map<string, number>()]
  for await (const { log, seq } of operator.entries()) next.set(log, seq + 1)
  if (!(await askForNew(call, state, terminal, { isShared, asked }))) return EXIT.denied
  // A log tells of each entry by itself: nobody looks again and again.
  for await (const entry of operator.follow(new AbortController().signal, next))
    if (entry.kind === 'action.held' && !(await askForNew(call, state, terminal, { isShared, asked })))
      return EXIT.denied
  return EXIT.ok
}

interface Asking {
  readonly isShared: () => boolean
  /** Holds that were asked for. */
  readonly asked: Set<string>
}

/** Asks for each hold that waits and was not asked for; false where the terminal is a cell's by now. */
async function askForNew(
  call: Call,
  state: string,
  terminal: Interface,
  { isShared, asked }: Asking,
): Promise<boolean> {
  const operator = stateOperator(state)
  const holds = await operator.holds()
  for (const hold of holds.filter((each) => each.state === 'waiting' && !asked.has(each.held.hold))) {
    asked.add(hold.held.hold)
    const whole = await operator.whole(hold)
    if (isShared()) return false
    for (const line of wordsFor(hold, undefined, whole, Number.POSITIVE_INFINITY)) call.print.line(line)
    if (!whole.ok) continue
    const said = (await terminal.question('  approve, deny or leave? [a/d/l] ')).trim().toLowerCase()
    if (isShared()) return false
    if (said === 'a' || said === 'd') await give(call, hold, said === 'a', whole.value.digest)
  }
  return true
}

/** Gives an answer; `read` is the digest of all that was shown. */
async function give(call: Call, hold: KnownHold, approved: boolean, read: string | undefined): Promise<void> {
  const by = personName(call.text('as') ?? loginName())
  const ask = { hold, approved, by, forMs: LIMITS.approvalMsMax / 4, ...(read !== undefined && { read }) }
  const given = await stateOperator(stateOf(call)).answer(ask)
  if (!given.ok) tellFault(call, ask, given.reason)
}

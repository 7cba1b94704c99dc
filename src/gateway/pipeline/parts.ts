import { setTimeout as delay } from 'node:timers/promises'
import { type Action, isConnection, type Operation, UNTRUSTED } from '../../model/index.ts'
import { labelsMeanwhile, operationIds, type Refusal, type Reservation } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import { mayNotice, type ServedCell } from '../admission/served-cell.ts'
import type { Attempt } from './attempt.ts'
import type { Bill } from './bill.ts'
import type { Contract, OnPart, Part, SendOptions } from './line.ts'
import { recordLabels } from './record.ts'

/** Returns what tells whether the upstream may notice by now what a cell does beside its action: each operation says. */
export function noticing(cell: ServedCell, action: Action): () => boolean {
  return () => operationIds(action).every((id) => mayNotice(cell, cell.authority.flows.get(id)?.accepts))
}

/**
 * Returns the signal that ends a call under way. That its cell calls it off is a word to the upstream, so that it
 * passes only while the call accepts every label that the cell carries by then (F1); otherwise the exchange runs on to
 * its end, for nobody. `untrusted` binds no such word: it carries nothing of whom data is meant for.
 */
export function callingOff({ signal, calledOff }: Attempt, isNoticed: () => boolean) {
  const own = new AbortController()
  const pass = () => {
    // With a reason: without, each is an error of its own.
    if (isNoticed()) own.abort('called off')
  }
  calledOff?.addEventListener('abort', pass, { once: true })
  if (calledOff?.aborted) pass()
  const forget = () => calledOff?.removeEventListener('abort', pass)
  return { signal: AbortSignal.any([signal, own.signal]), forget }
}

/** Drops what an upstream says of a call that its cell has called off: it reaches nobody, and does not end the exchange. */
export function unlessCalledOff({ calledOff }: Attempt, onPart: OnPart): OnPart {
  return (part) => {
    if (calledOff?.aborted) return undefined
    return onPart(part)?.catch((error: unknown) => {
      if (!calledOff?.aborted) throw error
    })
  }
}

/**
 * Has the upstream wait until its cell has read what it says of a call, while it may notice how fast that is; otherwise
 * nobody waits, and what the cell has no room for is dropped.
 */
export function atItsPace(isNoticed: () => boolean, onPart: OnPart): OnPart {
  let unread: Promise<void> | undefined
  return (part) => {
    if (unread !== undefined && !isNoticed()) return undefined
    const passed = onPart(part)
    if (passed === undefined) return undefined
    const reading = passed.finally(() => {
      if (unread === reading) unread = undefined
    })
    unread = reading
    return noticed(isNoticed, reading)
  }
}

/** Waits for a cell's reading for as long as an upstream may notice it: the cell may learn something meanwhile. */
async function noticed(isNoticed: () => boolean, reading: Promise<void>) {
  reading.catch(() => undefined)
  while (isNoticed()) {
    if (await Promise.race([reading.then(() => true), delay(NOTICED_EVERY_MS, false, { ref: false })])) return
  }
}

/** Milliseconds between two looks at what a cell that does not read has learned meanwhile. */
export const NOTICED_EVERY_MS = 50

/**
 * Returns a listener for notifications: they raise labels like an answer, and make nothing known. Progress is of its call.
 * A log line may be of any call to that upstream, so it is untrusted, and has every confidentiality that the upstream
 * gives. A tool with masked fields says nothing meanwhile.
 */
export function seen(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  { known, bill }: Heard,
  { hears, onPart }: Required<Pick<Attempt, 'hears' | 'onPart'>>,
): OnPart {
  return (part) => {
    if (!hears(part)) return undefined
    if (known.declared.mask !== undefined || !bill.passes(part.said)) return undefined
    const labelling = hear(gate, cell, action, part)
    if (labelling === undefined) return onPart(part)
    return labelling.then((onDisk) => (onDisk ? onPart(part) : undefined))
  }
}

/** The means by which a part is heard. */
interface Heard {
  readonly known: Contract
  readonly bill: Bill
}

/** Raises the labels of a notification; returns what waits for them to be on disk, as `recordLabels` does. */
function hear(gate: EnvironmentContext, cell: ServedCell, action: Action, { said, ofAction }: Part) {
  for (const tool of operationIds(action)) {
    const flow = cell.authority.flows.get(tool)
    const labels = ofAction && flow !== undefined ? labelsMeanwhile(flow.returns) : [UNTRUSTED, ...(flow?.issues ?? [])]
    cell.authority.exposure.recordMessage(said, labels, { action: action.id, tool })
  }
  return recordLabels(gate.ledger, cell)
}

/** Progress and log lines are judged like the answer (S10): one that holds a secret is dropped, and the ledger told. */
export function withoutSecrets(gate: EnvironmentContext, onPart: OnPart, leaks: Set<string>): OnPart {
  return (part) => {
    const leaked = gate.secrets.leakIn(part.said)
    if (leaked === undefined) return onPart(part)
    leaks.add(leaked)
    return undefined
  }
}

/** Before what cannot be taken back, the files are: returns why nothing may be sent without. */
export async function saveFirst({ savedFirst, gone }: ServedCell, { effect }: Action): Promise<Refusal | undefined> {
  if (savedFirst === undefined || effect !== 'irreversible') return undefined
  const problem = await savedFirst.files.saved(gone.signal)
  if (problem === undefined || !savedFirst.required) return undefined
  return { kind: 'unavailable', what: 'checkpoint', problem }
}

/** Returns the bytes that may pass, where some were reserved and they pass piece by piece. */
export function bytesMaxOf(
  { operation }: Action,
  { cost: { bytes }, holders }: Reservation,
  { declared }: Contract,
): Pick<SendOptions, 'bytesMax'> {
  const passes = isConnection(operation) || PASSING.has(operation)
  // An answer that passes on as it comes has as many as it likes, where nobody has said how many.
  const isCounted =
    isConnection(operation) ||
    declared.maxBytes !== undefined ||
    holders.some(({ budgets }) => budgets.some(({ kind }) => kind === 'bytes'))
  return bytes === undefined || !passes || !isCounted ? {} : { bytesMax: bytes }
}

/** Operations whose answers pass on as they come. */
const PASSING: ReadonlySet<Operation> = new Set(['request', 'model', 'package', 'git', 'tunnel'])

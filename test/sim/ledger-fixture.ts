import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import { realDisk } from '../../src/ledger/log/disk.ts'
import { type Ledger, openLedger, originOf } from '../../src/ledger/log/ledger.ts'
import { openSealStore } from '../../src/ledger/seal/seal-store.ts'
import { type Sealing, startSealing } from '../../src/ledger/seal/sealing.ts'
import { serveWriter } from '../../src/ledger/seal/witness.ts'
import { openWitnessKey } from '../../src/ledger/seal/witness-key.ts'
import type { EntryBody } from '../../src/model/entry.ts'
import {
  actionId,
  agentName,
  type CellId,
  cellId,
  environmentName,
  sha256,
  toolName,
  upstreamName,
} from '../../src/model/ids.ts'

export const CELL: CellId = cellId('c_0123456789abcdef')
export const SMALL_SEGMENTS = { first: 4_096, next: 8_192 }

/** A state directory with a ledger and a witness in this process; removed at the end of the test. */
export interface Desk {
  readonly state: string
  readonly ledgerDirectory: string
  readonly witnessDirectory: string
  open(log: string): Promise<OpenLog>
  remove(): void
}

export interface OpenLog {
  readonly ledger: Ledger
  readonly sealing: Sealing
  /** What the witness told its operator. */
  readonly said: string[]
  close(): Promise<void>
}

export function openDesk(): Desk {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-ledger-'))
  const witnessDirectory = join(state, 'witness')
  const ledgerDirectory = join(state, 'ledger')
  return {
    state,
    ledgerDirectory,
    witnessDirectory,
    async open(log) {
      const said: string[] = []
      const { stream, stopWitness } = await witnessFor(witnessDirectory, log, said)
      const options = { directory: join(ledgerDirectory, log), origin: originOf(log), clock: { nowMs: Date.now } }
      const ledger = await openLedger({ ...options, segmentBytes: SMALL_SEGMENTS })
      if (!ledger.ok) throw new Error(JSON.stringify(ledger.reason))
      const sealing = startSealing(ledger.value, stream, Date.now)
      const close = async () => {
        await sealing.stop()
        await ledger.value.close()
        await stopWitness()
      }
      return { ledger: ledger.value, sealing, said, close }
    },
    remove: () => rmSync(state, { recursive: true, force: true }),
  }
}

/** The writer's end of a stream that a witness serves. */
export async function witnessFor(directory: string, log: string, said: string[] = []) {
  await realDisk.makeDirectory(directory, 0o755)
  const own = await openWitnessKey(directory)
  if (!own.ok) throw new Error(own.reason)
  const store = await openSealStore(realDisk, join(directory, log), own.value.key)
  if (!store.ok) throw new Error(JSON.stringify(store.reason))
  const [stream, far] = duplexPair()
  const say = (message: string) => void said.push(message)
  const served = serveWriter(far, { origin: originOf(log), ...own.value, store: store.value, nowMs: Date.now, say })
  const stopWitness = async () => {
    stream.destroy()
    far.destroy()
    await served.catch(() => {})
    await store.value.close()
  }
  return { stream, stopWitness, served: served.catch(() => {}), store: store.value }
}

/** An intent as the gateway writes it; `note` makes it longer. */
export function intent(number: number, payload = { sha256: sha256('0'.repeat(64)), bytes: 0 }, note = ''): EntryBody {
  return {
    kind: 'action.intent',
    action: actionId(`a_${String(number).padStart(20, '0')}`),
    cell: CELL,
    agent: agentName('refund-bot'),
    environment: environmentName('test'),
    upstream: upstreamName('payments-test'),
    operation: 'tool',
    tool: toolName('refunds.create'),
    effect: 'spend',
    definition: sha256('d'.repeat(64)),
    args: { amount: '12.50', currency: 'EUR', note },
    payload,
    reasons: [{ kind: 'permit', grant: 'g_refunds' }],
    spend: '12.50 EUR',
  }
}

/** Appends intents with payloads and waits for the disk. */
export async function fill(ledger: Ledger, count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) {
    const put = ledger.payloads.put(CELL, Buffer.from(`{"amount":"12.50","number":${i}}`))
    if (!put.ok) throw new Error(JSON.stringify(put.reason))
    const appended = ledger.append(intent(i, put.value))
    if (!appended.ok) throw new Error(JSON.stringify(appended.reason))
    const durable = await ledger.durable(appended.value.seq)
    if (!durable.ok) throw new Error(JSON.stringify(durable.reason))
  }
}

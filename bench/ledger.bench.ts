/**
 * Durable records a second at 1 and 64 concurrent writers, about 300 bytes each: the ledger, sealed every second by a
 * witness in its own process, beside a bare loop that does nothing but gather records and make them durable in a
 * preallocated file. Both on the same disk, in turns, so that a slow moment of the disk hits both; medians of the turns.
 */
import { spawn } from 'node:child_process'
import { fdatasync, mkdirSync, mkdtempSync, openSync, rmSync, write, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { Duplex } from 'node:stream'
import { type Ledger, openLedger, originOf } from '../src/ledger/log/ledger.ts'
import { startSealing } from '../src/ledger/seal/sealing.ts'
import type { EntryBody } from '../src/model/entry.ts'
import { actionId, agentName, cellId, environmentName, toolName, upstreamName } from '../src/model/ids.ts'
import type { Bench } from './main.ts'

const WRITERS = [1, 64] as const
const TURN_MS = 250

export const bench: Bench = async ({ seconds, say }) => {
  const place = resolve(import.meta.dirname, '../.firebreak')
  mkdirSync(place, { recursive: true })
  const directory = mkdtempSync(join(place, 'bench-ledger-'))
  const samples = new Map<string, number[]>()
  const endAt = performance.now() + seconds * 1000 - 2_000
  let recordBytes = 0
  try {
    const firebreak = await openFirebreak(directory)
    const bare = openBare(join(directory, 'bare'), firebreak.recordBytes)
    recordBytes = firebreak.recordBytes
    for (let turn = 0; turn === 0 || performance.now() < endAt; turn++) {
      for (const writers of WRITERS) {
        const pair = Object.entries({ firebreak, bare })
        // Neither always follows the other's writes.
        for (const [who, target] of turn % 2 === 0 ? pair : pair.reverse()) {
          const rate = await measure(target.durably, writers, TURN_MS)
          samples.set(`${who} ${writers}`, [...(samples.get(`${who} ${writers}`) ?? []), rate])
        }
      }
      if (turn % 10 === 0) say([...samples].map(([name, rates]) => `${name}: ${Math.round(median(rates))}`).join(', '))
    }
    await firebreak.close()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const rate = (who: string, writers: number) => Math.round(median(samples.get(`${who} ${writers}`) ?? []))
  const both = (writers: number) => ({ firebreak: rate('firebreak', writers), bare: rate('bare', writers) })
  const turns = samples.get('bare 1')?.length ?? 0
  return {
    bench: 'ledger',
    recordsPerSecond: { 1: both(1), 64: both(64) },
    recordBytes,
    samples: turns,
  }
}

interface Target {
  /** Resolves when one more record is durable. */
  readonly durably: () => Promise<void>
  readonly recordBytes: number
}

/** Each writer waits for its record before it writes the next. */
async function measure(durably: () => Promise<void>, writers: number, forMs: number): Promise<number> {
  const began = performance.now()
  let records = 0
  const writer = async () => {
    while (performance.now() - began < forMs) {
      await durably()
      records++
    }
  }
  await Promise.all(Array.from({ length: writers }, writer))
  return (records / (performance.now() - began)) * 1000
}

async function openFirebreak(directory: string): Promise<Target & { close(): Promise<void> }> {
  const log = join(directory, 'ledger', 'test')
  const main = resolve(import.meta.dirname, '../src/ledger/seal/witness-main.ts')
  const argv = [main, '--directory', join(directory, 'witness'), '--log', 'test=3']
  const witness = spawn(process.execPath, argv, { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  const ended = new Promise<void>((done) => witness.once('exit', () => done()))
  const stream = witness.stdio[3]
  const ledger = await openLedger({ directory: log, origin: originOf('test'), clock: { nowMs: Date.now } })
  if (!ledger.ok || !(stream instanceof Duplex)) throw new Error('the ledger does not open')
  const sealing = startSealing(ledger.value, stream, Date.now)
  const sealed = await sealing.sealNow()
  if (!sealed.ok) throw new Error(sealed.reason.problem)
  let number = 0
  return {
    recordBytes: Buffer.byteLength(JSON.stringify({ v: 1, seq: 100_000, atMs: Date.now(), ...intent(0) })),
    durably: () => append(ledger.value, number++),
    async close() {
      if (!ledger.value.effectsAllowed(Date.now())) throw new Error('the witness fell behind')
      await sealing.stop()
      await ledger.value.close()
      await ended
    },
  }
}

async function append(ledger: Ledger, number: number): Promise<void> {
  const appended = ledger.append(intent(number))
  if (!appended.ok) throw new Error(JSON.stringify(appended.reason))
  const durable = await ledger.durable(appended.value.seq)
  if (!durable.ok) throw new Error(JSON.stringify(durable.reason))
}

const CELL = cellId('c_0123456789abcdef')
const ACTION = actionId('a_01234567890123456789')
const AGENT = agentName('refund-bot')
const TEST = environmentName('test')
const PAYMENTS = upstreamName('payments-test')
const REFUND = toolName('refunds.create')

/** A refusal, the smallest entry of an action; a new object each time, as the gateway makes one. */
function intent(number: number): EntryBody {
  return {
    kind: 'action.refused',
    action: ACTION,
    cell: CELL,
    agent: AGENT,
    environment: TEST,
    upstream: PAYMENTS,
    tool: REFUND,
    effect: 'spend',
    args: { amount: '12.50', order: `o-${number}` },
    reasons: [{ kind: 'no-grant', tool: 'refunds.create', upstream: 'payments-test' }],
  }
}

const BARE_BYTES = 67_108_864

/** Records gather while one write and its fdatasync are in flight; the file was filled with zeros before. */
function openBare(path: string, recordBytes: number): Target {
  const record = Buffer.alloc(recordBytes, 'x')
  const file = openSync(path, 'w')
  const zeros = Buffer.alloc(1_048_576)
  for (let at = 0; at < BARE_BYTES; at += zeros.length) writeSync(file, zeros, 0, zeros.length, at)
  let [gathering, flying] = [Buffer.alloc(1_048_576), Buffer.alloc(1_048_576)]
  let [bytes, at, busy] = [0, 0, false]
  let next = Promise.withResolvers<void>()
  const flush = () => {
    const [batch, length, done] = [gathering, bytes, next]
    ;[gathering, flying, bytes, next, busy] = [flying, batch, 0, Promise.withResolvers<void>(), true]
    at = at + length > BARE_BYTES ? 0 : at
    write(file, batch, 0, length, at, () => {
      fdatasync(file, () => {
        busy = false
        done.resolve()
        if (bytes > 0) setImmediate(flushOnce)
      })
    })
    at += length
  }
  const flushOnce = () => {
    if (bytes > 0 && !busy) flush()
  }
  return {
    recordBytes: record.length,
    durably: () => {
      record.copy(gathering, bytes)
      bytes += record.length
      if (bytes === record.length && !busy) setImmediate(flushOnce)
      return next.promise
    },
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

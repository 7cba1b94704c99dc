import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Disk } from '../../src/ledger/log/disk.ts'
import { type Ledger, openLedger } from '../../src/ledger/log/ledger.ts'
import { checkpointText, signatureLine } from '../../src/ledger/log/note.ts'
import { leafHash, Tree } from '../../src/ledger/seal/merkle.ts'
import type { Commitment, EntryBody } from '../../src/model/entry.ts'
import { type CellId, cellId, environmentName, sha256 } from '../../src/model/ids.ts'
import { SimDisk, seeded } from './ledger-disk.ts'

const CELL = cellId('c_0123456789abcdef')
/** A hundred of them in `npm run test:long`. */
const SEEDS = Number(process.env.LEDGER_SEEDS ?? 6)

describe('the ledger over a disk that loses power', () => {
  it('S4: what was acknowledged is there after any crash, and no honest crash stops the start', async (t) => {
    let states = 0
    for (let seed = 1; seed <= SEEDS; seed++) states += await crashEverywhere(seed)
    t.diagnostic(`${states} crash states from ${SEEDS} seeds`)
    assert.ok(states > SEEDS * 300)
  })

  it('S4: after one failed write or sync nothing is acknowledged any more, and nothing acknowledged is lost', async () => {
    let failed = 0
    for (let seed = 1; seed <= 400; seed++) failed += await failOnce(seed)
    assert.ok(failed > 200, `only ${failed} runs met their failure`)
  })
})

/** One history; a crash at every moment of it, each with several outcomes; and a crash in the recovery from each. */
async function crashEverywhere(seed: number): Promise<number> {
  const random = seeded(seed)
  const disk = new SimDisk(random)
  const history = new History()
  const crashed: { disk: SimDisk; acknowledged: number; payloads: Put[] }[] = []
  disk.onMoment = () => {
    for (let i = 0; i < 2; i++) {
      crashed.push({
        disk: disk.afterPowerLoss(random),
        acknowledged: history.acknowledged,
        payloads: [...history.payloads],
      })
    }
  }
  const ledger = await opened(disk, seed)
  await write(ledger, history, random, 30)
  await ledger.close()

  let states = 0
  for (const { disk, acknowledged, payloads } of crashed) {
    states++
    const again: SimDisk[] = []
    if (states % 8 === 0) disk.onMoment = () => again.push(disk.afterPowerLoss(random))
    await survives(disk, history, acknowledged, payloads, random, seed)
    for (const disk of again) {
      states++
      await survives(disk, history, acknowledged, payloads, random, seed)
    }
  }
  return states
}

async function survives(
  disk: SimDisk,
  history: History,
  acknowledged: number,
  payloads: readonly Put[],
  random: () => number,
  seed: number,
): Promise<void> {
  const ledger = await opened(disk, seed)
  disk.onMoment = () => {}
  const { size, root } = ledger.head()
  assert.ok(size >= acknowledged, `seed ${seed}: ${acknowledged} were acknowledged, ${size} are there`)
  assert.ok(size <= history.tree.size)
  assert.deepEqual(Buffer.from(root), Buffer.from(history.tree.root(size)), `seed ${seed}: another history`)
  for (const { cell, commitment, bytes } of payloads.slice(-2)) {
    const got = await ledger.payloads.get(cell, commitment)
    assert.ok(got.ok, `seed ${seed}: a payload is lost`)
    assert.deepEqual(got.value, bytes)
  }
  // It goes on from there, and what it then acknowledges survives in turn.
  if (random() < 0.6) return
  const more = history.upTo(size)
  await write(ledger, more, random, 3)
  const next = await opened(disk.afterPowerLoss(random), seed)
  assert.ok(next.head().size >= more.acknowledged)
  assert.deepEqual(Buffer.from(next.head().root), Buffer.from(more.tree.root(next.head().size)))
}

async function failOnce(seed: number): Promise<number> {
  const random = seeded(seed * 7919)
  const disk = new SimDisk(random)
  const history = new History()
  const ledger = await opened(disk, seed)
  let left = Math.floor(random() * 60)
  disk.failure = () => (left-- === 0 ? (random() < 0.5 ? 'EIO' : 'ENOSPC') : undefined)
  await write(ledger, history, random, 30)
  disk.failure = () => undefined
  const met = ledger.fault !== undefined
  if (met) {
    assert.equal(ledger.append(entry(0)).ok, false)
    assert.equal(ledger.payloads.put(CELL, Buffer.from('x')).ok, false)
    assert.equal((await ledger.durable(history.acknowledged + 100)).ok, false)
    assert.equal(ledger.effectsAllowed(0), false)
    assert.equal(ledger.readMayGo(0), false)
  }
  await survives(disk.afterPowerLoss(random), history, history.acknowledged, history.payloads, random, seed)
  return met ? 1 : 0
}

interface Put {
  readonly cell: CellId
  readonly commitment: Commitment
  readonly bytes: Buffer
}

/** What was written, kept apart from the ledger's own idea of it. */
class History {
  tree = new Tree()
  readonly leaves: Uint8Array[] = []
  acknowledged = 0
  readonly payloads: Put[] = []

  add(leaf: Uint8Array): void {
    this.leaves.push(leaf)
    this.tree.append(leaf)
  }

  upTo(size: number): History {
    const history = new History()
    for (const leaf of this.leaves.slice(0, size)) history.add(leaf)
    history.acknowledged = size
    return history
  }
}

async function write(ledger: Ledger, history: History, random: () => number, turns: number): Promise<void> {
  const waiting: Promise<void>[] = []
  for (let turn = 0; turn < turns; turn++) {
    const inTurn = Math.floor(random() * 4)
    for (let i = 0; i < inTurn; i++) {
      const cell = random() < 0.5 ? CELL : cellId('c_zzzzzzzzzzzzzzzz')
      const bytes = Buffer.alloc(Math.floor(random() * 700), turn)
      const put = random() < 0.4 ? ledger.payloads.put(cell, bytes) : undefined
      const length = Math.floor(random() * 900)
      const appended = ledger.append(entry(length))
      if (!appended.ok) continue
      const { seq } = appended.value
      history.add(leafHash(Buffer.from(entryText(seq, length))))
      waiting.push(
        ledger.durable(seq).then((durable) => {
          if (!durable.ok) return
          history.acknowledged = Math.max(history.acknowledged, seq + 1)
          if (put?.ok) history.payloads.push({ cell, commitment: put.value, bytes })
        }),
      )
    }
    if (random() < 0.6) await setImmediate()
    if (random() < 0.2) sealHead(ledger)
    if (random() < 0.3) await Promise.all(waiting)
  }
  await Promise.all(waiting)
}

/** As the witness would; recovery reads the origin, size and root, and leaves the signature to others. */
function sealHead(ledger: Ledger): void {
  const { size, root } = ledger.head()
  const text = checkpointText({ origin: ledger.origin, size, root })
  const note = `${text}\n${signatureLine('w', 1, Buffer.alloc(72))}`
  ledger.sealing.sealed({ origin: ledger.origin, size, root, atMs: 5, note }, 5)
}

async function opened(disk: Disk, seed: number): Promise<Ledger> {
  const options = { directory: '/l', origin: 'firebreak/test', clock: { nowMs: () => 5 }, segmentBytes: SMALL }
  const ledger = await openLedger({ ...options, disk })
  if (!ledger.ok) assert.fail(`seed ${seed}: ${JSON.stringify(ledger.reason)}`)
  return ledger.value
}

const SMALL = { first: 4_096, next: 8_192 }

function entry(length: number): EntryBody {
  const environment = environmentName('test')
  return { kind: 'gateway.started', environment, configuration: sha256('0'.repeat(64)), version: 'x'.repeat(length) }
}

function entryText(seq: number, length: number): string {
  const [zeros, version] = ['0'.repeat(64), 'x'.repeat(length)]
  return `{"atMs":5,"configuration":"${zeros}","environment":"test","kind":"gateway.started","seq":${seq},"v":1,"version":"${version}"}`
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { after, beforeEach, describe, it } from 'node:test'
import { SimDisk, seeded } from '../../../test/sim/ledger-disk.ts'
import { CELL, type Desk, fill, intent, openDesk } from '../../../test/sim/ledger-fixture.ts'
import { cellId, sha256 } from '../../model/ids.ts'
import { type Ledger, openLedger, originOf } from './ledger.ts'
import { LEDGER_LIMITS } from './limits.ts'
import { checkpointText, signatureLine } from './note.ts'
import { readEntries } from './read.ts'
import { recordsFrom } from './scan.ts'

let desk: Desk | undefined
let nowMs = 0

beforeEach(() => {
  desk?.remove()
  desk = openDesk()
  nowMs = 1_000_000
})

after(() => desk?.remove())

describe('the ledger', () => {
  it('S4: nothing is durable before the disk says so, and then all that waited is', async () => {
    const disk = new SimDisk(seeded(1))
    const ledger = await opened(disk)
    let moments = 0
    disk.onMoment = () => moments++
    const appended = Array.from({ length: 40 }, (_, i) => ledger.append(intent(i)))
    assert.ok(appended.every(({ ok }) => ok))
    let told = false
    const last = ledger.durable(39).then((durable) => {
      told = true
      return durable
    })
    await Promise.resolve()
    assert.equal(told, false)
    assert.equal(ledger.head().size, 0, 'the head covers what is durable and nothing else')
    assert.ok((await last).ok)
    assert.equal(ledger.head().size, 40)
    assert.ok(moments < 40, 'many entries share a sync')
  })

  it('S4: effects may leave only under a seal of at most 5 s, by the clock that offered it', async () => {
    const ledger = await opened(new SimDisk(seeded(1)))
    assert.equal(ledger.effectsAllowed(nowMs), false)
    seal(ledger)
    assert.equal(ledger.effectsAllowed(nowMs), true)
    assert.equal(ledger.sealAgeMs(nowMs + 17), 17)
    assert.equal(ledger.effectsAllowed(nowMs + LEDGER_LIMITS.sealAgeMaxMs), true)
    assert.equal(ledger.effectsAllowed(nowMs + LEDGER_LIMITS.sealAgeMaxMs + 1), false)
    assert.equal(ledger.effectsAllowed(nowMs - 1), false, 'a clock that went back proves nothing')
  })

  it('S4: a read may leave early only while the disk keeps up', async () => {
    const disk = new SimDisk(seeded(1))
    const ledger = await opened(disk)
    assert.equal(ledger.readMayGo(nowMs), true)
    const appended = ledger.append(intent(1))
    assert.ok(appended.ok)
    assert.equal(ledger.readMayGo(nowMs + LEDGER_LIMITS.readAheadMaxMs), true)
    assert.equal(ledger.readMayGo(nowMs + LEDGER_LIMITS.readAheadMaxMs + 1), false)
    assert.equal(ledger.readMayGo(nowMs - 1), false, 'a clock that went back proves nothing')
    await ledger.durable(appended.value.seq)
    assert.equal(ledger.readMayGo(nowMs + 60_000), true)
  })

  it('has one writer', async () => {
    const ledger = await opened()
    const second = await openLedger(options())
    assert.equal(!second.ok && second.reason.kind, 'locked')
    await ledger.close()
    await ledger.close()
    assert.equal(ledger.append(intent(1)).ok, false)
    const third = await openLedger(options())
    assert.ok(third.ok)
    await third.value.close()
  })

  it('S14: nobody without a right to the directory can keep the writer out, and one that was killed does not', async () => {
    const { directory } = options()
    mkdirSync(directory, { recursive: true })
    const { dev, ino } = statSync(directory)
    const stranger = createServer().listen(`\0firebreak-ledger-${dev}-${ino}`)
    await once(stranger, 'listening')
    const ledger = await openLedger(options())
    stranger.close()
    assert.ok(ledger.ok, 'a name that anybody can take locks nothing')
    assert.equal(statSync(join(directory, 'lock')).mode & 0o777, 0o600)
    await ledger.value.close()

    const code = `import { lock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))}
      const held = await lock(${JSON.stringify(directory)})
      console.log(held.ok)
      setInterval(() => {}, 1000)`
    const other = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = await once(other.stdout, 'data')
    assert.equal(String(said), 'true\n')
    const locked = await openLedger(options())
    assert.ok(!locked.ok && locked.reason.kind === 'locked' && locked.reason.by === `process ${other.pid}`)
    other.kill('SIGKILL')
    await once(other, 'exit')
    const dead = await openLedger(options())
    assert.ok(dead.ok, 'a dead process holds nothing')
    await dead.value.close()
  })

  it("refuses another log's files, and a link or a file where its directory should be", async () => {
    const ledger = await opened()
    await ledger.close()
    const foreign = await openLedger({ ...options(), origin: originOf('production') })
    assert.equal(!foreign.ok && foreign.reason.kind, 'not-a-ledger')
    const { state } = desk as Desk
    mkdirSync(join(state, 'real'))
    symlinkSync(join(state, 'real'), join(state, 'link'))
    writeFileSync(join(state, 'file'), '')
    for (const name of ['link', 'file']) {
      const refused = await openLedger({ ...options(), directory: join(state, name) })
      assert.equal(refused.ok, false, name)
    }
    assert.deepEqual(readdirSync(join(state, 'real')), [])
    const directory = join(state, 'linked')
    mkdirSync(directory)
    symlinkSync(join(options().directory, '0000000000.segment'), join(directory, '0000000000.segment'))
    assert.equal((await openLedger({ ...options(), directory })).ok, false)
  })

  it('S17: entries, payloads, what waits and what no seal covers are bounded', async () => {
    const ledger = await opened(new SimDisk(seeded(1)), { first: 8_388_608, next: 8_388_608 })
    const long = (bytes: number) => ledger.append(intent(0, undefined, 'x'.repeat(bytes)))
    const tooLong = long(LEDGER_LIMITS.entryBytesMax)
    assert.equal(!tooLong.ok && tooLong.reason.kind, 'too-large')
    assert.ok(long(LEDGER_LIMITS.entryBytesMax - 1_000).ok)
    const huge = ledger.payloads.put(CELL, Buffer.alloc(LEDGER_LIMITS.payloadBytesMax + 1))
    assert.equal(!huge.ok && huge.reason.kind, 'too-large')
    assert.ok(ledger.payloads.put(CELL, Buffer.alloc(LEDGER_LIMITS.payloadBytesMax)).ok)
    let refused = ''
    for (let i = 0; i < 30 && refused === ''; i++) {
      const put = ledger.payloads.put(CELL, Buffer.alloc(LEDGER_LIMITS.payloadBytesMax))
      if (!put.ok) refused = put.reason.kind
    }
    assert.equal(refused, 'full')
    const full = ledger.append(intent(1))
    assert.equal(!full.ok && full.reason.kind, 'full')
    const surrogate = ledger.append(intent(1, undefined, '\ud800'))
    assert.equal(surrogate.ok, false)
  })

  it('the largest payload fits a first segment, and comes back after a restart', async () => {
    const ledger = await opened()
    const bytes = Buffer.alloc(LEDGER_LIMITS.payloadBytesMax, 7)
    const puts = [1, 2, 3].map(() => ledger.payloads.put(CELL, bytes))
    const appended = ledger.append(intent(0))
    assert.ok(appended.ok && (await ledger.durable(appended.value.seq)).ok)
    await ledger.close()
    const again = await opened()
    for (const put of puts) {
      assert.ok(put.ok)
      const got = await again.payloads.get(CELL, put.value)
      assert.ok(got.ok && got.value.equals(bytes))
    }
    await again.close()
  })

  it('is read while it is written, and its reader never sees half an entry', async () => {
    const ledger = await opened(undefined, { first: 4_096, next: 8_192 })
    let writing = true
    const writer = fill(ledger, 200).finally(() => {
      writing = false
    })
    let seen = 0
    while (writing) {
      let last = seen - 1
      for await (const read of readEntries(options().directory, seen)) {
        assert.ok(read.ok, JSON.stringify(read))
        assert.equal(read.value.seq, last + 1)
        last = read.value.seq
      }
      seen = last + 1
    }
    await writer
    await ledger.close()
    assert.ok(seen > 0)
  })
})

describe('payloads', () => {
  it('S12: are encrypted under a key of their cell, and no two commitments to the same bytes are alike', async () => {
    const ledger = await opened()
    const secret = Buffer.from('account DE12 3456')
    const [one, two] = [ledger.payloads.put(CELL, secret), ledger.payloads.put(CELL, secret)]
    assert.ok(one.ok && two.ok)
    assert.notEqual(one.value.sha256, two.value.sha256)
    assert.ok((await ledger.payloads.get(CELL, one.value)).ok)
    const stranger = await ledger.payloads.get(cellId('c_zzzzzzzzzzzzzzzz'), one.value)
    assert.equal(!stranger.ok && stranger.reason.kind, 'altered')
    const unknown = await ledger.payloads.get(CELL, { sha256: sha256('0'.repeat(64)), bytes: 1 })
    assert.equal(!unknown.ok && unknown.reason.kind, 'missing')
    await ledger.close()
    const bytes = readFileSync(join(options().directory, '0000000000.segment'))
    assert.equal(bytes.includes(secret), false)
    assert.equal(bytes.includes('DE12'), false)
  })

  it('S12: no byte of a key covers two bytes, whatever sizes follow each other', async () => {
    const ledger = await opened()
    const sizes = [0, 1, 4_063, 4_064, 4_065, 600, 16_384, 3, 40_000, 4_064, 4_064, 4_064, 4_064, 4_064, 1, 70_000, 2]
    const puts = sizes.map((size, i) => {
      const bytes = Buffer.alloc(size, i)
      return { bytes, put: ledger.payloads.put(CELL, bytes) }
    })
    for (const { bytes, put } of puts) {
      assert.ok(put.ok)
      assert.deepEqual(await ledger.payloads.get(CELL, put.value), { ok: true, value: bytes })
    }
    await ledger.close()
    const segment = readFileSync(join(options().directory, '0000000000.segment'))
    const payloads = [...recordsFrom(segment, 0)].filter(({ kind }) => kind === 'payload')
    assert.equal(payloads.length, sizes.length)
    let used = 0
    for (const { body } of payloads) {
      const place = Number(Buffer.from(body).readBigUInt64BE(54))
      assert.ok(place >= used, `${place} was used up to ${used}`)
      used = place + 32 + body.length - 62
    }
  })

  it('S12: an erased cell cannot be read, nor written again, and the tree stays as it was', async () => {
    const ledger = await opened()
    const other = cellId('c_zzzzzzzzzzzzzzzz')
    const [mine, theirs] = [
      ledger.payloads.put(CELL, Buffer.from('mine')),
      ledger.payloads.put(other, Buffer.from('theirs')),
    ]
    assert.ok(mine.ok && theirs.ok)
    const appended = ledger.append(intent(1, mine.value))
    assert.ok(appended.ok && (await ledger.durable(0)).ok)
    const { root } = ledger.head()
    assert.ok((await ledger.payloads.erase(CELL)).ok)
    const check = async (ledger: Ledger) => {
      const gone = await ledger.payloads.get(CELL, mine.value)
      assert.equal(!gone.ok && gone.reason.kind, 'erased')
      const refused = ledger.payloads.put(CELL, Buffer.from('again'))
      assert.equal(!refused.ok && refused.reason.kind, 'erased')
      assert.ok((await ledger.payloads.get(other, theirs.value)).ok)
      assert.deepEqual(Buffer.from(ledger.head().root), Buffer.from(root))
    }
    await check(ledger)
    await ledger.close()
    const again = await opened()
    await check(again)
    await again.close()
    const keys = readdirSync(join(options().directory, 'keys'))
    assert.deepEqual(
      keys.map((name) => name.replace(/\.[0-9a-f]{8}\./, '.')),
      [`${CELL}.erased`, `${other}.key`],
    )
  })
})

function options() {
  const { ledgerDirectory } = desk as Desk
  return { directory: join(ledgerDirectory, 'test'), origin: originOf('test'), clock: { nowMs: () => nowMs } }
}

async function opened(disk?: SimDisk, segmentBytes?: { first: number; next: number }): Promise<Ledger> {
  const ledger = await openLedger({
    ...options(),
    ...(disk ? { disk } : {}),
    ...(segmentBytes ? { segmentBytes } : {}),
  })
  if (!ledger.ok) assert.fail(JSON.stringify(ledger.reason))
  assert.ok(disk || existsSync(options().directory))
  return ledger.value
}

function seal(ledger: Ledger): void {
  const { size, root } = ledger.head()
  const note = `${checkpointText({ origin: ledger.origin, size, root })}\n${signatureLine('w', 1, Buffer.alloc(72))}`
  ledger.sealing.sealed({ origin: ledger.origin, size, root, atMs: nowMs, note }, nowMs)
}

/** The promises of every store of logs (`src/ledger/store.ts`), asked of one: the same tests run over each. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { canonicalText } from '../../src/ledger/log/canonical.ts'
import type { Ledger } from '../../src/ledger/log/ledger.ts'
import { LEDGER_LIMITS } from '../../src/ledger/log/limits.ts'
import { leafHash, Tree } from '../../src/ledger/seal/merkle.ts'
import type { Log, Logs, WritableLog } from '../../src/ledger/store.ts'
import type { Entry, EntryBody } from '../../src/model/entry.ts'
import { cellId, type Sha256, sha256 } from '../../src/model/ids.ts'
import type { Json } from '../../src/model/json.ts'
import { CELL, intent } from '../sim/ledger-fixture.ts'

const OTHER = cellId('c_0000000000000002')
const stopped = (why: string): EntryBody => ({ kind: 'gateway.stopped', environment: 'test', why }) as EntryBody

/** Logs that can be opened for writing, too. */
export interface WritableLogs extends Logs {
  log(name: string): WritableLog
}

export function logsContract(name: string, open: () => WritableLogs): void {
  describe(`logs: ${name}`, () => {
    let nowMs = 1_000
    const clock = { nowMs: () => nowMs }
    const opened = async (
      log: WritableLog,
      more: Partial<Parameters<WritableLog['open']>[0]> = {},
    ): Promise<Ledger> => {
      const ledger = await log.open({ clock, ...more })
      assert.ok(ledger.ok, JSON.stringify(ledger))
      return ledger.value
    }
    const written = async (log: WritableLog, count: number, from = 0) => {
      const ledger = await opened(log)
      for (let i = from; i < from + count; i++) assert.ok(ledger.append(stopped(`${i}`)).ok)
      await ledger.close()
    }
    const whys = async (entries: ReturnType<Log['read']>) => {
      const said: string[] = []
      for await (const entry of entries) {
        assert.ok(entry.ok, JSON.stringify(entry))
        if (entry.value.kind === 'gateway.stopped') said.push(entry.value.why)
      }
      return said
    }

    it('LG2: begins with nothing, and returns what was appended, in its order, from any place on', async () => {
      const logs = open()
      assert.equal(await logs.names(), undefined)
      await written(logs.log('test'), 5)
      await written(logs.log('production'), 2)
      await written(logs.log('test'), 2, 5)
      assert.deepEqual(await logs.names(), ['production', 'test'])
      assert.deepEqual(await whys(logs.log('test').read()), ['0', '1', '2', '3', '4', '5', '6'])
      assert.deepEqual(await whys(logs.log('test').read(4)), ['4', '5', '6'])
      assert.deepEqual(await whys(logs.log('test').read(7)), [])
      assert.deepEqual(await whys(logs.log('production').read()), ['0', '1'])
    })

    it('LG1: refuses a second writer, and takes the next one when the first has gone', async () => {
      const log = open().log('test')
      const first = await opened(log)
      const second = await log.open({ clock })
      assert.equal(!second.ok && second.reason.kind, 'locked')
      assert.ok(first.append(stopped('a')).ok)
      await first.close()
      assert.deepEqual(first.append(stopped('late')), {
        ok: false,
        reason: { kind: 'failed', fault: { kind: 'closed' } },
      })
      const third = await opened(log)
      assert.deepEqual(third.append(stopped('b')).ok && third.durableSize, 1)
      await third.close()
      assert.deepEqual(await whys(log.read()), ['a', 'b'])
    })

    it('LG2: L1: shows what was said to be durable to every reader, with its number and its time', async () => {
      const log = open().log('test')
      const ledger = await opened(log)
      for (const [i, why] of ['a', 'b', 'c'].entries()) {
        nowMs = 2_000 + i
        const appended = ledger.append(stopped(why))
        assert.ok(appended.ok && appended.value.seq === i)
        assert.ok((await ledger.durable(i)).ok)
        assert.ok(ledger.durableSize > i)
        const entries: Entry[] = []
        for await (const each of log.read(i)) if (each.ok) entries.push(each.value)
        assert.deepEqual(entries, [{ v: 1, seq: i, atMs: nowMs, ...stopped(why) }])
      }
      await ledger.close()
    })

    it('L3: its head is the RFC 6962 tree over the canonical bytes of its durable entries, over a restart too', async () => {
      const log = open().log('test')
      await written(log, 3)
      const ledger = await opened(log)
      assert.ok(ledger.append(intent(3)).ok)
      assert.equal(ledger.head().size, 3, 'what is not durable is not in it')
      assert.ok((await ledger.sealing.settled()).ok)
      const tree = new Tree()
      for await (const each of log.read()) {
        assert.ok(each.ok)
        const text = canonicalText(each.value as unknown as Json)
        assert.ok(text.ok)
        tree.append(leafHash(Buffer.from(text.value)))
      }
      assert.deepEqual(
        [ledger.head().size, Buffer.from(ledger.head().root).toString('hex')],
        [4, Buffer.from(tree.root(4)).toString('hex')],
      )
      assert.deepEqual(await ledger.sealing.proof(0, 4), [])
      await ledger.close()
    })

    it('tells each entry in the tick that appends it, and writes what stands instead of it', async () => {
      const log = open().log('test')
      const told: string[] = []
      const ledger = await opened(log, {
        onAppended: (entry) => {
          if (entry.kind !== 'gateway.stopped') return
          told.push(entry.why)
          if (entry.why === 'a') ledger.append(stopped('after a'))
        },
        instead: (_, text) => (text.includes('secret') ? stopped('covered') : undefined),
      })
      ledger.append(stopped('a'))
      assert.deepEqual(told, ['a', 'after a'])
      ledger.append(stopped('secret'))
      await ledger.close()
      assert.deepEqual(told, ['a', 'after a', 'covered'])
      assert.deepEqual(await whys(log.read()), ['a', 'after a', 'covered'])
    })

    it('S17: refuses an entry that is too large, and one that has no canonical form, and goes on', async () => {
      const log = open().log('test')
      const ledger = await opened(log)
      const large = ledger.append(stopped('x'.repeat(LEDGER_LIMITS.entryBytesMax)))
      assert.equal(!large.ok && large.reason.kind, 'too-large')
      assert.ok(!ledger.append(stopped('\ud800')).ok)
      assert.ok(ledger.append(stopped('fits')).ok)
      await ledger.close()
      assert.deepEqual(await whys(log.read()), ['fits'])
    })

    it('S4: L4: lets effects leave under a seal of at most five seconds', async () => {
      const ledger = await opened(open().log('test'))
      assert.ok(ledger.append(stopped('a')).ok)
      await ledger.sealing.settled()
      assert.equal(ledger.effectsAllowed(nowMs), false)
      assert.equal(ledger.sealAgeMs(nowMs), Number.POSITIVE_INFINITY)
      ledger.sealing.sealed({ origin: ledger.origin, ...ledger.head(), atMs: nowMs, note: 'a note' }, nowMs)
      assert.equal(ledger.effectsAllowed(nowMs + LEDGER_LIMITS.sealAgeMaxMs), true)
      assert.equal(ledger.effectsAllowed(nowMs + LEDGER_LIMITS.sealAgeMaxMs + 1), false)
      assert.equal(ledger.effectsAllowed(nowMs - 1), false, 'a clock that went back proves nothing')
      await ledger.close()
    })

    it('L2: refuses everything once its witness does not know it', async () => {
      const log = open().log('test')
      const ledger = await opened(log)
      ledger.append(stopped('a'))
      await ledger.sealing.settled()
      ledger.sealing.disowned('another head')
      assert.equal(ledger.fault?.kind, 'disowned')
      assert.equal(ledger.readMayGo(nowMs), false)
      const late = ledger.append(stopped('b'))
      assert.equal(!late.ok && late.reason.kind, 'failed')
      assert.ok(!ledger.payloads.put(CELL, Buffer.from('x')).ok)
      await ledger.close()
      assert.deepEqual(await whys(log.read()), ['a'])
    })

    it('P1: P2: returns the bytes of a payload to its cell, and P3: to nobody once they are erased', async () => {
      const log = open().log('test')
      const ledger = await opened(log)
      const put = (cell: typeof CELL, text: string) => {
        const commitment = ledger.payloads.put(cell, Buffer.from(text))
        assert.ok(commitment.ok)
        return commitment.value
      }
      const [mine, theirs] = [put(CELL, 'my bytes'), put(OTHER, 'their bytes')]
      assert.equal(mine.bytes, 8)
      assert.notEqual(put(CELL, 'my bytes').sha256, mine.sha256, 'nobody can guess what was said')
      ledger.append(intent(1, mine))
      assert.deepEqual(await ledger.payloads.get(CELL, mine), { ok: true, value: Buffer.from('my bytes') })
      await ledger.sealing.settled()
      assert.deepEqual(await log.payload(CELL, mine), { ok: true, value: Buffer.from('my bytes') })
      assert.deepEqual(await log.payload(OTHER, theirs), { ok: true, value: Buffer.from('their bytes') })
      assert.equal((await log.payload(OTHER, mine)).ok, false, 'it is another cell’s')
      const missing = await log.payload(CELL, { ...mine, sha256: leafText('0') })
      assert.equal(!missing.ok && missing.reason.kind, 'missing')
      const read = async () => {
        const all: (string | undefined)[] = []
        for await (const each of log.recorded()) {
          assert.ok(each.ok)
          const { entry, bytes } = each.value
          if (entry.kind === 'action.intent') all.push((await bytes(entry.cell, entry.payload))?.toString())
        }
        return all
      }
      assert.deepEqual(await read(), ['my bytes'])
      assert.ok((await ledger.payloads.erase(CELL)).ok)
      const gone = await log.payload(CELL, mine)
      assert.equal(!gone.ok && gone.reason.kind, 'erased')
      const again = ledger.payloads.put(CELL, Buffer.from('more'))
      assert.equal(!again.ok && again.reason.kind, 'erased')
      assert.deepEqual(await read(), [undefined])
      assert.ok((await log.payload(OTHER, theirs)).ok, 'nobody else’s are gone')
      await ledger.close()
    })

    it('LG3: says that a log is not there, and tells nothing of it', async () => {
      const logs = open()
      for (const entries of [logs.log('none').read(), logs.log('none').recorded()]) {
        const all: boolean[] = []
        for await (const each of entries) all.push(each.ok)
        assert.deepEqual(all, [false])
      }
    })

    it('LG4: follows what is appended, from any place on, until nobody wants more', { timeout: 60_000 }, async () => {
      const log = open().log('test')
      await written(log, 3)
      const ledger = await opened(log)
      const [stop, heard] = [new AbortController(), [] as string[]]
      for await (const each of log.follow(stop.signal, 1)) {
        assert.ok(each.ok && each.value.kind === 'gateway.stopped')
        heard.push(each.value.why)
        // Nothing more stands there: the next is appended while it waits.
        if (heard.length === 2) setTimeout(() => ledger.append(stopped('new')), 50)
        if (each.value.why === 'new') for (let i = 0; i < 100; i++) ledger.append(stopped(`${i} of many`))
        if (heard.length === 103) stop.abort()
      }
      assert.deepEqual(heard, ['1', '2', 'new', ...Array.from({ length: 100 }, (_, i) => `${i} of many`)])
      await ledger.close()
    })

    it('LG4: follows every log, and one that begins meanwhile', { timeout: 60_000 }, async () => {
      const logs = open()
      await written(logs.log('test'), 2)
      const [stop, heard] = [new AbortController(), [] as string[]]
      let ledger: Ledger | undefined
      for await (const each of logs.follow(stop.signal, new Map([['test', 1]]))) {
        assert.ok(each.ok && each.value.kind === 'gateway.stopped')
        heard.push(`${each.value.log} ${each.value.why}`)
        if (heard.length === 1) setTimeout(() => void written(logs.log('production'), 1), 50)
        if (heard.length === 2) {
          ledger = await opened(logs.log('test'))
          ledger.append(stopped('more'))
        }
        if (heard.length === 3) stop.abort()
      }
      assert.deepEqual(heard, ['test 1', 'production 0', 'test more'])
      await ledger?.close()
    })

    it('LG4: a follower that waits is let go by its signal', { timeout: 60_000 }, async () => {
      const logs = open()
      await written(logs.log('test'), 1)
      for (const begin of [(s: AbortSignal) => logs.follow(s), (s: AbortSignal) => logs.log('test').follow(s)]) {
        const stop = new AbortController()
        let count = 0
        for await (const each of begin(stop.signal)) {
          assert.ok(each.ok)
          count++
          setImmediate(() => stop.abort())
        }
        assert.equal(count, 1)
      }
    })
  })
}

function leafText(text: string): Sha256 {
  return sha256(Buffer.from(leafHash(Buffer.from(text))).toString('hex'))
}

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { Duplex, duplexPair } from 'node:stream'
import { after, beforeEach, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { runs } from '../../../test/kit/runs.ts'
import { until } from '../../../test/kit/until.ts'
import { SimDisk, seeded } from '../../../test/sim/ledger-disk.ts'
import { type Desk, fill, openDesk, SMALL_SEGMENTS, witnessFor } from '../../../test/sim/ledger-fixture.ts'
import { openLedger, originOf } from '../log/ledger.ts'
import { LEDGER_LIMITS } from '../log/limits.ts'
import { cosign, openSeal, type SealedHead } from '../log/note.ts'
import { verifyLedger } from '../verify/verify.ts'
import { EMPTY_ROOT, leafHash, Tree } from './merkle.ts'
import { openSealStore, splitSeals } from './seal-store.ts'
import { startSealing } from './sealing.ts'
import { serveWriter } from './witness.ts'
import { openWitnessKey } from './witness-key.ts'
import {
  framesFrom,
  questionFrame,
  readAnswer,
  readQuestion,
  type WitnessAnswer,
  type WitnessQuestion,
} from './witness-protocol.ts'

let desk: Desk | undefined

beforeEach(() => {
  desk?.remove()
  desk = openDesk()
})

after(() => desk?.remove())

describe('the witness, with a hostile writer', () => {
  it('W1: signs only heads that extend the last, whatever the writer claims', async () => {
    const witness = await hostile()
    const honest = grown(20)
    const fork = new Tree()
    for (let i = 0; i < 30; i++) fork.append(leafHash(Buffer.from(`fork ${i}`)))
    assert.equal((await witness.ask(head(honest, 0, 10))).kind, 'sealed')
    const bad: [string, WitnessQuestion][] = [
      ['a fork of the same size', { ...head(honest, 10, 10), root: fork.root(10) }],
      ['a fork that is larger', { ...head(fork, 10, 20) }],
      ['a rollback', { ...head(honest, 10, 10), size: 9, root: honest.root(9), proof: [] }],
      ['a rollback that names the smaller head as the last', head(honest, 5, 9)],
      ['a fresh start', head(honest, 0, 20)],
      ['a proof from another size', head(honest, 9, 20)],
      ['an empty proof', { ...head(honest, 10, 20), proof: [] }],
      ['a proof too long', { ...head(honest, 10, 20), proof: [...honest.consistencyProof(10), EMPTY_ROOT] }],
      ['another root', { ...head(honest, 10, 20), root: fork.root(20) }],
      ['an empty tree again', { kind: 'head', oldSize: 0, size: 0, root: EMPTY_ROOT, proof: [] }],
    ]
    for (const [name, question] of bad) {
      const answer = await witness.ask(question)
      assert.equal(answer.kind, 'refused', name)
      if (answer.kind !== 'refused') continue
      assert.equal(answer.size, 10, name)
      const { oldSize } = question as { oldSize: number }
      assert.equal(answer.why, oldSize === 10 ? 'no extension' : 'not the last', name)
    }
    const next = await witness.ask(head(honest, 10, 20))
    assert.equal(next.kind, 'sealed')
    assert.equal(witness.said.length, bad.length, 'each refusal is told to a person')
    await witness.stop()
  })

  it('W1: goes on from there after a restart, also when its newest seal was torn', async () => {
    const tree = grown(30)
    const first = await hostile()
    for (const [from, to] of [
      [0, 10],
      [10, 12],
      [12, 12],
      [12, 20],
    ] as const)
      await first.ask(head(tree, from, to))
    await first.stop()
    const again = await hostile()
    const last = await again.ask({ kind: 'ask' })
    assert.deepEqual(last.kind === 'last' && last.size, 20)
    assert.equal((await again.ask(head(tree, 12, 14))).kind, 'refused')
    assert.equal((await again.ask(head(tree, 20, 20))).kind, 'sealed')
    await again.stop()

    const path = join((desk as Desk).witnessDirectory, 'test', 'seals')
    rmSync(join((desk as Desk).witnessDirectory, 'test', 'latest'))
    truncateSync(path, statSync(path).size - 30)
    const torn = await hostile()
    const before = await torn.ask({ kind: 'ask' })
    assert.deepEqual(before.kind === 'last' && before.size, 12)
    assert.equal((await torn.ask(head(tree, 12, 30))).kind, 'sealed')
    await torn.stop()
    const seals = splitSeals(readFileSync(path, 'utf8'))
    assert.deepEqual(
      seals.map((seal) => seal.split('\n')[1]),
      ['10', '12', '30'],
    )
  })

  it('W1: stops at a damaged seal, and at a lost key', async () => {
    const { witnessDirectory } = desk as Desk
    const tree = grown(9)
    const first = await hostile()
    await first.ask(head(tree, 0, 3))
    await first.ask(head(tree, 3, 9))
    await first.stop()
    const path = join(witnessDirectory, 'test', 'seals')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('firebreak-witness', 'firebreak witness'))
    await assert.rejects(hostile(), /damaged/)
    writeFileSync(path, text)
    rmSync(join(witnessDirectory, 'witness.key'))
    await assert.rejects(hostile(), /is gone/)
  })

  it('W3: frames that are none end the connection, and cost no more than a frame', async () => {
    const good = questionFrame(head(grown(5), 0, 5))
    const bad = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0, 0]),
      Buffer.from([0xff, 0xff, 1]),
      Buffer.from([0x10, 0x01, 1]),
      Buffer.from([0, 1, 3]),
      Buffer.from([0, 2, 1, 0]),
      frameOf(Buffer.concat([good.subarray(2), Buffer.alloc(1)])),
      frameOf(good.subarray(2, -1)),
      frameOf(withByte(good.subarray(2), 49, 65)),
      questionFrame({ ...head(grown(5), 0, 5), proof: Array.from({ length: 65 }, () => EMPTY_ROOT) }),
      frameOf(withByte(good.subarray(2), 1, 0xff)),
      frameOf(withByte(good.subarray(2), 9, 0x7f)),
    ]
    for (const [i, bytes] of bad.entries()) {
      const witness = await hostile()
      witness.stream.write(bytes)
      const ended = await Promise.race([witness.ended, setTimeout(2_000, 'still open')])
      assert.equal(ended, undefined, `frame ${i}`)
      await witness.stop()
    }
  })

  it('W3: a parser takes no bytes but its own frames', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (bytes, type) => {
        const frame = Buffer.concat([Buffer.of(type), bytes])
        const question = readQuestion(frame)
        if (question) assert.deepEqual(questionFrame(question).subarray(2), frame)
      }),
      { numRuns: 2000 },
    )
  })

  it('W3: a writer that floods is slowed down, and does not hold up another', async () => {
    const witness = await hostile()
    const other = await hostile('warden')
    const tree = grown(1)
    const began = performance.now()
    const flood = Promise.all(
      Array.from({ length: LEDGER_LIMITS.witnessHeadsPerSecondMax + 5 }, () => witness.ask({ kind: 'ask' })),
    )
    const first = Promise.race([flood.then(() => 'the flood'), other.ask(head(tree, 0, 1)).then(({ kind }) => kind)])
    assert.equal(await first, 'sealed')
    await flood
    assert.ok(performance.now() - began >= 900)
    await witness.stop()
    await other.stop()
  })
})

describe('seals on disk', () => {
  it('W2: an answer waits for the seal to be stored, and is a refusal where it was not', async () => {
    const own = await openWitnessKey((desk as Desk).state)
    assert.ok(own.ok)
    for (const stored of [true, false]) {
      const order: string[] = []
      const keep = async () => {
        await setTimeout(20)
        order.push('kept')
        return stored
      }
      const store = { newest: undefined, keep, close: async () => {} }
      const [stream, far] = duplexPair()
      void serveWriter(far, { ...own.value, origin: originOf('test'), store, nowMs: Date.now, say: () => {} })
      stream.write(questionFrame(head(grown(1), 0, 1)))
      const { value } = await framesFrom(stream).next()
      order.push(readAnswer(value as Buffer)?.kind ?? 'nothing')
      assert.deepEqual(order, ['kept', stored ? 'sealed' : 'refused'])
      stream.destroy()
      far.destroy()
    }
  })

  it('W2: every seal that was answered survives a power loss at any moment', async () => {
    const own = await openWitnessKey((desk as Desk).state)
    assert.ok(own.ok)
    const { key, privateKey } = own.value
    const seals: SealedHead[] = []
    const tree = grown(40)
    for (let i = 0; i < 30; i++) {
      const at = 1 + Math.floor(i / 2)
      const head = { origin: originOf('test'), size: at, root: tree.root(at) }
      const opened = openSeal(cosign(head, key, privateKey, seals.length), key)
      assert.ok(opened.ok)
      seals.push(opened.value)
    }
    let states = 0
    const seeds = runs(4, 10)
    for (let seed = 1; seed <= seeds; seed++) {
      const random = seeded(seed)
      const disk = new SimDisk(random)
      const crashed: [SimDisk, number][] = []
      let answered = -1
      disk.onMoment = () => crashed.push([disk.afterPowerLoss(random), answered])
      const store = await openSealStore(disk, '/w/test', key)
      assert.ok(store.ok)
      for (const [i, seal] of seals.entries()) if (await store.value.keep(seal)) answered = i
      assert.equal(answered, seals.length - 1)
      for (const [disk, answered] of crashed) {
        states++
        const again = await openSealStore(disk, '/w/test', key)
        assert.ok(again.ok, JSON.stringify(again))
        const newest = again.value.newest?.atMs ?? -1
        assert.ok(newest >= (seals[answered]?.atMs ?? -1), `seed ${seed}: ${answered} answered, ${newest} kept`)
      }
    }
    assert.ok(states > 50 * seeds)
  })

  it('W2: a seal that cannot be stored is not given, nor any after it', async () => {
    const own = await openWitnessKey((desk as Desk).state)
    assert.ok(own.ok)
    const disk = new SimDisk(seeded(3))
    const store = await openSealStore(disk, '/w/test', own.value.key)
    assert.ok(store.ok)
    const seal = { origin: 'x', size: 1, root: EMPTY_ROOT, atMs: 0, note: 'a\nb\nc\n\nd\n' }
    disk.failure = () => 'ENOSPC'
    assert.equal(await store.value.keep(seal), false)
    disk.failure = () => undefined
    assert.equal(await store.value.keep(seal), false)
  })

  it('S17: an idle log costs no space, and a long one keeps a bounded number of seals, the newest always', async () => {
    const own = await openWitnessKey((desk as Desk).state)
    assert.ok(own.ok)
    const { key, privateKey } = own.value
    const disk = new SimDisk(seeded(4))
    const store = await openSealStore(disk, '/w/test', key)
    assert.ok(store.ok)
    const newest = LEDGER_LIMITS.sealsKeptMax + 10
    const headOf = (size: number) => ({ origin: originOf('test'), size, root: EMPTY_ROOT })
    const [one, last] = [1, newest].map((size) => cosign(headOf(size), key, privateKey, size))
    // Only the newest is ever checked when a store opens, and to sign thousands takes seconds.
    const noteOf = (size: number) => (size === newest ? last : one?.replace('\n1\n', `\n${size}\n`))
    const sealOf = (size: number): SealedHead => ({
      ...headOf(size),
      atMs: size * 1000,
      note: noteOf(size) ?? assert.fail(),
    })
    for (let size = 1; size <= newest; size++) await store.value.keep(sealOf(size))
    const idle = disk.bytes('/w/test/seals')?.length
    for (let i = 0; i < 5; i++) await store.value.keep({ ...sealOf(newest), atMs: 99_999_000 })
    assert.equal(disk.bytes('/w/test/seals')?.length, idle)
    const kept = splitSeals((disk.bytes('/w/test/seals') as Buffer).toString())
    assert.ok(kept.length < LEDGER_LIMITS.sealsKeptMax && kept.length > LEDGER_LIMITS.sealsKeptMax / 2)
    assert.equal(kept.at(-1)?.split('\n')[1], String(LEDGER_LIMITS.sealsKeptMax + 10))
    const again = await openSealStore(disk, '/w/test', key)
    assert.equal(again.ok && again.value.newest?.size, LEDGER_LIMITS.sealsKeptMax + 10)
  })
})

describe('sealing', () => {
  it('S4: seals at once and then every second, idle or not; without its witness effects end within 5 s', async () => {
    const { ledgerDirectory, witnessDirectory } = desk as Desk
    let nowMs = 1_000_000
    const clock = { nowMs: () => nowMs }
    const opened = await openLedger({ directory: join(ledgerDirectory, 'test'), origin: originOf('test'), clock })
    assert.ok(opened.ok)
    const ledger = opened.value
    const { stream, stopWitness, store } = await witnessFor(witnessDirectory, 'test')
    assert.equal(ledger.effectsAllowed(nowMs), false)
    const sealing = startSealing(ledger, stream, clock.nowMs)
    assert.ok((await sealing.sealNow()).ok)
    assert.equal(ledger.effectsAllowed(nowMs), true)
    nowMs += 1_000
    const first = store.newest?.note
    await until('an idle ledger is sealed again', () => ledger.sealAgeMs(nowMs) === 0 && store.newest?.note !== first)
    await stopWitness()
    nowMs += 5_000
    assert.equal(ledger.effectsAllowed(nowMs), true)
    assert.equal((await sealing.sealNow()).ok, false)
    nowMs += 1
    assert.equal(ledger.effectsAllowed(nowMs), false)
    assert.equal(ledger.fault, undefined, 'reads and refusals go on being recorded')
    await sealing.stop()
    await ledger.close()
  })

  it('S4: a witness that never answers closes effects, and does not hold up the end', async () => {
    const { ledgerDirectory } = desk as Desk
    const options = { directory: join(ledgerDirectory, 'test'), origin: originOf('test'), clock: { nowMs: Date.now } }
    const ledger = await openLedger(options)
    assert.ok(ledger.ok)
    const [stream] = duplexPair()
    const sealing = startSealing(ledger.value, stream, Date.now)
    await fill(ledger.value, 2)
    assert.equal(ledger.value.effectsAllowed(Date.now()), false)
    const began = performance.now()
    await sealing.stop()
    assert.ok(performance.now() - began < 10_000)
    await ledger.value.close()
  })

  it('S12: a ledger that was rolled back or replaced is disowned, and stops for good', async () => {
    const { ledgerDirectory } = desk as Desk
    const open = await (desk as Desk).open('test')
    await fill(open.ledger, 10)
    assert.ok((await open.sealing.sealNow()).ok)
    await open.close()
    for (const entries of [4, 10, 15]) {
      rmSync(ledgerDirectory, { recursive: true })
      const options = { directory: join(ledgerDirectory, 'test'), origin: originOf('test'), clock: { nowMs: Date.now } }
      const fresh = await openLedger({ ...options, segmentBytes: SMALL_SEGMENTS })
      assert.ok(fresh.ok)
      await fill(fresh.value, entries, 100)
      await fresh.value.close()
      const replaced = await (desk as Desk).open('test')
      const sealed = await replaced.sealing.sealNow()
      assert.equal(!sealed.ok && sealed.reason.kind, 'refused')
      assert.equal(replaced.ledger.fault?.kind, 'disowned')
      assert.equal(replaced.ledger.effectsAllowed(Date.now()), false)
      await replaced.close()
    }
  })

  it("S12: proves growth from where the witness stands, even before this ledger's own copy of the seal", async () => {
    const { ledgerDirectory, witnessDirectory } = desk as Desk
    const open = await (desk as Desk).open('test')
    await fill(open.ledger, 5)
    assert.ok((await open.sealing.sealNow()).ok)
    const old = readFileSync(join(witnessDirectory, 'test', 'seals'))
    await fill(open.ledger, 60, 5)
    assert.ok((await open.sealing.sealNow()).ok)
    await open.close()
    // The witness lost its newest seals with its disk; what is left is honest.
    writeFileSync(join(witnessDirectory, 'test', 'seals'), old)
    rmSync(join(witnessDirectory, 'test', 'latest'), { force: true })
    const again = await (desk as Desk).open('test')
    const sealed = await again.sealing.sealNow()
    assert.equal(sealed.ok && sealed.value.size, 65, JSON.stringify(sealed))
    await again.close()
    const report = await verifyLedger({ ledgerDirectory, witness: { directory: witnessDirectory } })
    assert.ok(report.ok && report.value.intact)
  })
})

describe('the witness process', () => {
  const MAIN = resolve(import.meta.dirname, 'witness-main.ts')

  it('S12: seals over an inherited descriptor, keeps its key to itself, and ends with its writers', async () => {
    const { ledgerDirectory, witnessDirectory } = desk as Desk
    for (const entries of [3, 7]) {
      const child = spawn(
        process.execPath,
        [MAIN, '--directory', witnessDirectory, '--log', 'test=3', '--log', 'warden=4'],
        {
          stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
        },
      )
      const exit = new Promise<number | null>((done) => child.once('exit', done))
      const [, , , stream, other] = child.stdio
      assert.ok(stream instanceof Duplex && other instanceof Duplex)
      const options = { directory: join(ledgerDirectory, 'test'), origin: originOf('test'), clock: { nowMs: Date.now } }
      const ledger = await openLedger({ ...options, segmentBytes: SMALL_SEGMENTS })
      assert.ok(ledger.ok)
      const sealing = startSealing(ledger.value, stream, Date.now)
      await fill(ledger.value, entries)
      // The other log's writer is killed in the middle of a frame; this one is sealed as before.
      other.write(Buffer.from([0, 50, 2]))
      await setTimeout(20)
      other.destroy()
      await setTimeout(20)
      assert.ok((await sealing.sealNow()).ok)
      await sealing.stop()
      await ledger.value.close()
      assert.equal(await exit, 0)
    }
    assert.equal(statSync(join(witnessDirectory, 'witness.key')).mode & 0o777, 0o600)
    const report = await verifyLedger({ ledgerDirectory, witness: { directory: witnessDirectory } })
    assert.ok(report.ok && report.value.intact)
    assert.deepEqual([report.value.logs[0]?.sealed, report.value.logs[0]?.unsealed], [10, 0])
  })

  it('S4: killed, it ends effects; nothing else of the ledger stops', async () => {
    const { ledgerDirectory, witnessDirectory } = desk as Desk
    const child = spawn(process.execPath, [MAIN, '--directory', witnessDirectory, '--log', 'test=3'], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    })
    const [, , , stream] = child.stdio
    assert.ok(stream instanceof Duplex)
    let nowMs = Date.now()
    const options = {
      directory: join(ledgerDirectory, 'test'),
      origin: originOf('test'),
      clock: { nowMs: () => nowMs },
    }
    const ledger = await openLedger(options)
    assert.ok(ledger.ok)
    const sealing = startSealing(ledger.value, stream, () => nowMs)
    assert.ok((await sealing.sealNow()).ok)
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
    nowMs += 5_001
    assert.equal((await sealing.sealNow()).ok, false)
    assert.equal(ledger.value.effectsAllowed(nowMs), false)
    await fill(ledger.value, 1)
    await sealing.stop()
    await ledger.value.close()
  })

  it('refuses arguments it does not understand', async () => {
    const { witnessDirectory } = desk as Desk
    for (const wrong of [
      [],
      ['--log', 'test=3'],
      ['--directory', witnessDirectory, '--log', '../x=3'],
      ['--directory', witnessDirectory, '--log', 'test=x'],
    ]) {
      const child = spawn(process.execPath, [MAIN, ...wrong], { stdio: 'ignore' })
      assert.equal(await new Promise((done) => child.once('exit', done)), 2, wrong.join(' '))
    }
  })
})

function grown(size: number): Tree {
  const tree = new Tree()
  for (let i = 0; i < size; i++) tree.append(leafHash(Buffer.from(`entry ${i}`)))
  return tree
}

function head(tree: Tree, from: number, to: number): WitnessQuestion & { kind: 'head' } {
  const proof = from === 0 ? [] : tree.consistencyProof(from, to)
  return { kind: 'head', oldSize: from, size: to, root: tree.root(to), proof }
}

async function hostile(log = 'test') {
  const said: string[] = []
  const { stream, stopWitness, served } = await witnessFor((desk as Desk).witnessDirectory, log, said)
  const frames = framesFrom(stream)
  let turn: Promise<unknown> = Promise.resolve()
  const ask = (question: WitnessQuestion): Promise<WitnessAnswer> => {
    stream.write(questionFrame(question))
    const answer = turn.then(async () => {
      const next = await frames.next()
      const answer = next.done ? undefined : readAnswer(next.value)
      if (!answer) throw new Error('no answer')
      return answer
    })
    turn = answer
    return answer
  }
  return { stream, ask, said, ended: served, stop: stopWitness }
}

function frameOf(body: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  return Buffer.concat([length, body])
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[at] = value
  return changed
}

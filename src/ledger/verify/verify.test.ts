import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it, mock } from 'node:test'
import { cpuMs } from '../../../test/kit/cpu.ts'
import { runs } from '../../../test/kit/runs.ts'
import { type Desk, fill, intent, openDesk, SMALL_SEGMENTS } from '../../../test/sim/ledger-fixture.ts'
import { canonicalText } from '../log/canonical.ts'
import { commitRecord } from '../log/commit.ts'
import { segmentPath } from '../log/disk.ts'
import { openLedger, originOf } from '../log/ledger.ts'
import { LEDGER_LIMITS } from '../log/limits.ts'
import { cosign, parseWitnessKey, witnessKeyText } from '../log/note.ts'
import { HEADER_BYTES, type Record, record, sealRecord } from '../log/record.ts'
import { recordsFrom } from '../log/scan.ts'
import { headerRecord } from '../log/segments.ts'
import { leafHash, Tree } from '../seal/merkle.ts'
import { splitSeals } from '../seal/seal-store.ts'
import { openWitnessKey } from '../seal/witness-key.ts'
import { type VerifyReport, verifyLedger } from './verify.ts'
import type { VerifyFinding } from './verify-log.ts'
import { PayloadCheck } from './verify-payloads.ts'

/** One ledger with six seals over four segments, and four entries that no seal covers; each test attacks a copy. */
let desk: Desk
let pristine: string
let work: { ledgerDirectory: string; witnessDirectory: string; log: string }
const SEALED = [5, 10, 15, 20, 25, 30]

before(async () => {
  desk = openDesk()
  // Seals are made when this asks for them, and not each second besides: a slow hour has many.
  mock.timers.enable({ apis: ['setInterval'] })
  const open = await desk.open('test')
  const other = await desk.open('warden')
  mock.timers.reset()
  // The one of the beginning, before there is anything.
  for (const { sealing } of [open, other]) assert.ok((await sealing.sealNow()).ok)
  for (let i = 0; i < 30; i += 5) {
    await fill(open.ledger, 5, i)
    await fill(other.ledger, 1, i)
    assert.ok((await open.sealing.sealNow()).ok)
  }
  await other.close()
  await open.close()
  // Four more that the witness never hears of.
  const late = await openLedger({
    directory: join(desk.ledgerDirectory, 'test'),
    origin: originOf('test'),
    clock: { nowMs: Date.now },
    segmentBytes: SMALL_SEGMENTS,
  })
  assert.ok(late.ok)
  await fill(late.value, 4, 30)
  await late.value.close()
  pristine = join(desk.state, 'pristine')
  mkdirSync(pristine)
  cpSync(desk.ledgerDirectory, join(pristine, 'ledger'), { recursive: true })
  cpSync(desk.witnessDirectory, join(pristine, 'witness'), { recursive: true })
})

beforeEach(() => {
  const state = join(desk.state, 'work')
  rmSync(state, { recursive: true, force: true })
  cpSync(pristine, state, { recursive: true })
  const ledgerDirectory = join(state, 'ledger')
  work = { ledgerDirectory, witnessDirectory: join(state, 'witness'), log: join(ledgerDirectory, 'test') }
})

after(() => desk.remove())

describe('S12: verify finds', () => {
  it('S12: the newest seals gone from the witness, all or some, with garbage in their place, by the seal that the log keeps', async () => {
    const at = join(work.witnessDirectory, 'test')
    const notes = splitSeals(readFileSync(join(at, 'seals'), 'utf8'))
    rmSync(join(at, 'latest'), { force: true })
    for (const left of [
      '',
      'garbage',
      notes
        .slice(0, 2)
        .map((note) => `${note}\n`)
        .join(''),
    ]) {
      writeFileSync(join(at, 'seals'), left)
      const { intact, findings, logs } = await verified()
      assert.equal(intact, false)
      assert.ok(
        findings.some(
          ({ log, kind, problem }) => log === 'test' && kind === 'seal' && /newest of them are gone/.test(problem),
        ),
      )
      assert.equal(logs.find(({ log }) => log === 'test')?.sealed, 30)
    }
    rmSync(join(at, 'seals'))
    assert.equal((await verified()).intact, false)
    // What nobody signed says nothing.
    const seal = readFileSync(join(work.log, 'seal'), 'latin1')
    writeFileSync(join(work.log, 'seal'), seal.replace('\n30\n', '\n31\n'), 'latin1')
    assert.equal((await verified()).logs.find(({ log }) => log === 'test')?.sealed, 0)
  })

  it('S12: a log that was cut behind the seal that it keeps, with the seals that were cut with it', async () => {
    const at = join(work.witnessDirectory, 'test')
    const notes = splitSeals(readFileSync(join(at, 'seals'), 'utf8'))
    writeFileSync(join(at, 'seals'), `${notes[0]}\n`)
    rmSync(join(at, 'latest'), { force: true })
    const segments = readdirSync(work.log)
      .filter((name) => /^\d+/.test(name))
      .toSorted()
    for (const name of segments.slice(1)) rmSync(join(work.log, name))
    assert.ok((await verified()).findings.some(({ kind }) => kind === 'truncated' || kind === 'missing'))
  })

  it('S12: nothing in an honest ledger, and says what no seal covers yet', async () => {
    const report = await verified()
    assert.deepEqual(report.findings, [])
    assert.ok(report.intact)
    const [test, warden] = report.logs
    assert.equal(test?.log, 'test')
    assert.deepEqual([test?.entries, test?.sealed, test?.unsealed], [34, 30, 4])
    assert.deepEqual([warden?.entries, warden?.sealed], [6, 6])
    assert.equal(test?.payloads.named, 34)
    assert.equal(test?.payloads.missing, 0)
    assert.ok(segments().length >= 3, 'the fixture has several segments')
  })

  it('S12: a flipped bit, at every kind of byte of every record and in the blank space of a full segment', async (t) => {
    // In the inner loop one place of six, each run others.
    const [step, first] = [runs(6, 1), Math.floor(Math.random() * 6)]
    t.diagnostic(`from place ${first}`)
    let flips = 0
    for (const path of segments().slice(0, -1)) {
      const bytes = readFileSync(path)
      for (const at of places(bytes).filter((_, i) => (i + first) % step === 0)) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
        writeFileSync(path, changed)
        const report = await verified()
        assert.equal(report.intact, false, `${path} byte ${at}`)
        const [finding] = report.findings
        assert.equal(finding?.log, 'test')
        assert.equal(finding?.file, path)
        flips++
      }
      writeFileSync(path, bytes)
    }
    assert.ok(flips > 200 / step)
  })

  it('S12: a changed entry whose CRC was made right again, and between which seals it lies', async () => {
    const seq = 12
    const { path, bytes, record } = entryAt(seq)
    const at = bytes.indexOf('12.50', record.at)
    bytes.write('99.50', at)
    sealRecord(bytes, record.at, 'entry', record.batch, seq, record.body.length)
    writeFileSync(path, bytes)
    const [finding, ...more] = (await verified()).findings
    // The next segment's header knows the old peaks; where it does not, the seal does.
    assert.ok(finding)
    assert.deepEqual(finding.between, { after: 10, before: 15 })
    assert.equal(finding.kind, 'changed')
    assert.ok(more.length <= 1)
  })

  it('S12: an entry removed, doubled, moved, or put in, even with every CRC right', async () => {
    for (const edit of ['remove', 'double', 'swap', 'insert'] as const) {
      rewriteRecords((records) => edited(records, edit))
      const report = await verified()
      assert.equal(report.intact, false, edit)
      assert.equal(report.findings[0]?.log, 'test')
    }
  })

  it('S12: a truncation at every boundary between records, to the byte', async () => {
    const [last] = segments().slice(-1)
    let boundary = Math.floor(Math.random() * 2)
    for (const path of segments()) {
      const bytes = readFileSync(path)
      for (const record of recordsFrom(bytes, 0)) {
        // In the inner loop one of the two at each, each run others.
        for (const blank of runs(1, 2) === 1 ? [boundary++ % 2 === 0] : [true, false]) {
          const cut = Buffer.from(bytes)
          cut.fill(0, record.at)
          writeFileSync(path, blank ? cut : bytes.subarray(0, record.at))
          const report = await verified()
          const test = report.logs.find(({ log }) => log === 'test')
          const unsealedOnly = path === last && (test?.entries ?? 0) >= 30
          assert.equal(report.intact, unsealedOnly, `${path} cut at ${record.at}`)
        }
      }
      writeFileSync(path, bytes)
    }
  })

  it('S12: a segment dropped, the last ones dropped, two swapped, one in the place of another', async () => {
    const [first = '', second = '', third = ''] = segments()
    const attacks: (() => void)[] = [
      () => rmSync(second),
      () => rmSync(first),
      () =>
        segments()
          .slice(1)
          .map((path) => rmSync(path)),
      () => {
        renameSync(second, `${second}.x`)
        renameSync(third, second)
        renameSync(`${second}.x`, third)
      },
      () => cpSync(first, second),
    ]
    for (const attack of attacks) {
      restore()
      attack()
      const report = await verified()
      assert.equal(report.intact, false, attack.toString())
      assert.ok(report.findings.some(({ log }) => log === 'test'))
    }
  })

  it('S12: a whole log that is gone, and a ledger that is gone', async () => {
    rmSync(join(work.ledgerDirectory, 'warden'), { recursive: true })
    const [finding] = (await verified()).findings
    assert.deepEqual([finding?.log, finding?.kind], ['warden', 'missing'])
    rmSync(work.log, { recursive: true })
    mkdirSync(work.log)
    assert.deepEqual(
      (await verified()).findings.map(({ log, kind }) => [log, kind]),
      [
        ['test', 'truncated'],
        ['warden', 'missing'],
      ],
    )
  })

  it('S12: a full rewrite: a fresh ledger, consistent in itself, written by the real code with every key it holds', async () => {
    rmSync(work.log, { recursive: true })
    const options = {
      directory: work.log,
      origin: originOf('test'),
      clock: { nowMs: Date.now },
      segmentBytes: SMALL_SEGMENTS,
    }
    const ledger = await openLedger(options)
    assert.ok(ledger.ok)
    await fill(ledger.value, 40)
    await ledger.value.close()
    const [finding] = (await verified()).findings
    assert.equal(finding?.kind, 'changed')
    assert.deepEqual(finding?.between, { after: 0, before: 5 })
  })

  it('S12: a rewrite from the middle on, and a rollback to a sealed size', async () => {
    const seals = splitSeals(readFileSync(join(work.witnessDirectory, 'test', 'seals'), 'utf8'))
    const sizes = new Set(seals.map((note) => Number(note.split('\n')[1])))
    assert.deepEqual([...sizes], [0, ...SEALED])
    rewriteRecords((records) => records.filter(({ seq }) => seq < 22))
    const options = {
      directory: work.log,
      origin: originOf('test'),
      clock: { nowMs: Date.now },
      segmentBytes: SMALL_SEGMENTS,
    }
    rmSync(join(work.log, 'seal'))
    const ledger = await openLedger(options)
    assert.ok(ledger.ok, JSON.stringify(ledger))
    await fill(ledger.value, 20, 100)
    await ledger.value.close()
    const [finding] = (await verified()).findings
    assert.deepEqual([finding?.kind, finding?.between], ['changed', { after: 20, before: 25 }])

    restore()
    rewriteRecords((records) => records.filter(({ seq }) => seq < 20))
    const [rollback] = (await verified()).findings
    assert.deepEqual([rollback?.kind, rollback?.between], ['truncated', { after: 20, before: 30 }])
  })

  it('S12: a symbolic link in place of a segment or of a log, and a file that is no log', async () => {
    const [first = ''] = segments()
    renameSync(first, join(work.ledgerDirectory, '..', 'moved'))
    symlinkSync(join(work.ledgerDirectory, '..', 'moved'), first)
    assert.equal((await verified()).intact, false)
    restore()
    renameSync(work.log, join(work.ledgerDirectory, '..', 'elsewhere'))
    symlinkSync(join(work.ledgerDirectory, '..', 'elsewhere'), work.log)
    assert.ok((await verified()).findings.some(({ kind }) => kind === 'stranger'))
    restore()
    truncateSync(first, 2 ** 40)
    assert.ok((await verified()).findings.some(({ problem }) => problem.includes('too large')))
    restore()
    writeFileSync(join(work.log, 'notes.txt'), 'x')
    assert.deepEqual(
      (await verified()).findings.map(({ kind }) => kind),
      ['stranger'],
    )
  })

  it('S12: a payload that was taken out, with the batch made whole again', async () => {
    rewriteRecords((records) => records.filter(({ kind, seq }) => !(kind === 'payload' && seq === 7)))
    const [finding] = (await verified()).findings
    assert.deepEqual([finding?.kind, finding?.seq], ['payload', 7])
  })

  it('S12: a payload that was written over, with its CRC made right again', async () => {
    const path = segments()[0] ?? ''
    const bytes = readFileSync(path)
    const [one] = [...recordsFrom(bytes, 0)].filter(({ kind }) => kind === 'payload')
    assert.ok(one)
    bytes.fill(0x41, one.at + HEADER_BYTES + 62, one.at + HEADER_BYTES + one.body.length)
    sealRecord(bytes, one.at, 'payload', one.batch, one.seq, one.body.length)
    writeFileSync(path, bytes)
    const [finding, ...more] = (await verified()).findings
    assert.deepEqual([finding?.kind, finding?.seq, more.length], ['payload', one.seq, 0])
    assert.match(finding?.problem ?? '', /is not what was committed to/)
  })

  it('S12: a key that is gone without having been erased, and says what it could not judge', async () => {
    const [all] = (await verified()).logs
    assert.deepEqual([all?.payloads.checked, all?.payloads.unchecked], [34, 0])
    const keys = join(work.log, 'keys')
    for (const name of readdirSync(keys)) rmSync(join(keys, name))
    const gone = await verified()
    assert.ok(gone.findings.every(({ kind, problem }) => kind === 'payload' && problem.includes('was not erased')))
    assert.ok(gone.findings.length > 0 && gone.findings.length <= 3, 'once for each key')
    assert.deepEqual([gone.logs[0]?.payloads.checked, gone.logs[0]?.payloads.unchecked], [0, 34])
    rmSync(keys, { recursive: true })
    assert.equal((await verified()).intact, false, 'a log without any key is none that lost them by itself')
    const { ledgerDirectory, witnessDirectory } = work
    const handed = await verifyLedger({ ledgerDirectory, witness: { directory: witnessDirectory }, withoutKeys: true })
    assert.ok(handed.ok && handed.value.logs[0]?.payloads.unchecked === 34)
    assert.deepEqual(
      handed.value.findings.filter(({ log }) => log === 'test'),
      [],
    )
  })

  it('S12: what must not end it or keep it: records without a body, keys that are a file, files by the thousand', async () => {
    const last = segments().at(-1) ?? ''
    const bytes = readFileSync(last)
    const end = [...recordsFrom(bytes, 0)].at(-1)
    assert.ok(end)
    bytes.set(record('payload', end.batch + 1, end.seq, Buffer.alloc(0)), end.end)
    writeFileSync(last, bytes)
    assert.ok((await verified()).logs.some(({ log, entries }) => log === 'test' && entries === 34))
    restore()
    rmSync(join(work.log, 'keys'), { recursive: true })
    writeFileSync(join(work.log, 'keys'), '')
    assert.ok((await verified()).findings.some(({ kind, file }) => kind === 'stranger' && file?.endsWith('keys')))
    restore()
    for (let i = 0; i < 50; i++) writeFileSync(segmentPath(work.log, 100 + i), '')
    const report = await verified()
    assert.equal(report.intact, false)
    assert.ok(
      report.logs.some(({ log, sealed }) => log === 'warden' && sealed === 6),
      'the other log is judged all the same',
    )
  })

  it('S12: blank segments after the end are named, and not read one by one', async () => {
    const next = segments().length
    for (let i = 0; i < 60; i++) {
      const path = segmentPath(work.log, next + i)
      writeFileSync(path, '')
      truncateSync(path, LEDGER_LIMITS.segmentBytes)
    }
    const began = cpuMs()
    const [finding] = (await verified()).findings
    assert.ok(cpuMs() - began < 3_000)
    assert.match(finding?.problem ?? '', /this segment is empty, and 59 more follow it/)
  })

  it('S12: a log over which verify itself fails is a finding, and the others are judged', async () => {
    const open = PayloadCheck.open
    const failing = mock.method(PayloadCheck, 'open', (directory: string, withoutKeys: boolean) => {
      if (directory === work.log) throw new TypeError('something that nobody expected')
      return open.call(PayloadCheck, directory, withoutKeys)
    })
    const report = await verified()
    failing.mock.restore()
    const [finding] = report.findings
    assert.deepEqual([finding?.log, finding?.problem], ['test', 'it cannot be judged: something that nobody expected'])
    assert.ok(report.logs.some(({ log, sealed }) => log === 'warden' && sealed === 6))
  })

  it('S12: a forged seal, one for another log, and two that contradict each other', async () => {
    const path = join(work.witnessDirectory, 'test', 'seals')
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const stranger = parseWitnessKey(witnessKeyText('firebreak-witness', publicKey))
    const real = parseWitnessKey(readFileSync(join(work.witnessDirectory, 'witness.pub'), 'utf8').trim())
    assert.ok(stranger.ok && real.ok)
    const head = { origin: originOf('test'), size: 31, root: new Tree().root() }
    for (const note of [cosign(head, stranger.value, privateKey, 1), cosign(head, real.value, privateKey, 1)]) {
      restore()
      writeFileSync(path, `${readFileSync(path, 'utf8')}${note}\n`)
      assert.deepEqual(
        (await verified()).findings.map(({ kind }) => kind),
        ['seal'],
      )
    }
    restore()
    cpSync(join(work.witnessDirectory, 'warden', 'seals'), path)
    assert.ok((await verified()).findings.some(({ kind, problem }) => kind === 'seal' && problem.includes('warden')))
  })

  it('S12: old seals judge what they cover and call the rest not yet witnessed', async () => {
    const path = join(work.witnessDirectory, 'test', 'seals')
    const key = readFileSync(join(work.witnessDirectory, 'witness.pub'), 'utf8')
    const seals = splitSeals(readFileSync(path, 'utf8')).filter((note) => note.split('\n')[1] === '15')
    assert.equal(seals.length, 1)
    const only = async () => {
      const result = await verifyLedger({ ledgerDirectory: work.ledgerDirectory, witness: { key, seals } })
      assert.ok(result.ok)
      return result.value
    }
    const [test] = (await only()).logs
    assert.deepEqual([test?.sealed, test?.unsealed], [15, 19])
    rewriteRecords((records) => records.filter(({ seq }) => seq < 10))
    assert.equal((await only()).intact, false)
  })

  it('S12: even beyond the seals, damage that no crash makes, and entries that no ledger writes', async () => {
    const key = readFileSync(join(work.witnessDirectory, 'witness.pub'), 'utf8')
    const seals = splitSeals(readFileSync(join(work.witnessDirectory, 'test', 'seals'), 'utf8')).slice(1, 2)
    const kinds = async () => {
      const result = await verifyLedger({ ledgerDirectory: work.ledgerDirectory, witness: { key, seals } })
      assert.ok(result.ok)
      return result.value.findings.map(({ kind, problem }) => `${kind}: ${problem}`)
    }
    assert.deepEqual(await kinds(), [])
    for (const seq of [12, 31, 32]) {
      const { path, bytes, record } = entryAt(seq)
      bytes[record.at + 50] = 0
      writeFileSync(path, bytes)
      assert.deepEqual(await kinds(), ['damaged: a record cannot be read'], `entry ${seq}`)
      restore()
    }
    // The last batch of a segment that is not the last was durable before the next one began.
    const [, second = ''] = segments()
    const bytes = readFileSync(second)
    const commit = [...recordsFrom(bytes, 0)].at(-1)
    assert.ok(commit && commit.seq > 5)
    bytes[commit.at + 30] = 9
    writeFileSync(second, bytes)
    assert.deepEqual(await kinds(), ['damaged: a record cannot be read'])
    const crafted: [string, (records: Loose[]) => void][] = [
      [
        'damaged: this entry is not in canonical form',
        (records) => recordOf(records, 12, (text) => text.replace('"v":1', '"v": 1')),
      ],
      [
        'damaged: this entry is not in canonical form',
        (records) => recordOf(records, 12, (text) => text.replace('"v":1', '"v":1,"v":1')),
      ],
      [
        'damaged: this entry is not what its record says',
        (records) => recordOf(records, 12, (text) => text.replace('"seq":12', '"seq":13')),
      ],
      [
        'damaged: this entry is not what its record says',
        (records) => recordOf(records, 12, (text) => text.replace('"v":1', '"v":2')),
      ],
    ]
    for (const [finding, edit] of crafted) {
      restore()
      const records = looseRecords()
      edit(records)
      writeConsistent(work.log, records, false)
      assert.deepEqual(await kinds(), [finding])
    }
    for (const [finding, fault] of [
      ['it was written as segment 9', { index: 9 }],
      ['it belongs to firebreak/warden', { origin: 'firebreak/warden' }],
      ['what stands before it has changed', { peaks: [leafHash(Buffer.from('x'))] }],
    ] as const) {
      restore()
      writeConsistent(work.log, looseRecords(), false, fault)
      assert.deepEqual(await kinds(), [`damaged: ${finding}`])
    }
    restore()
    writeConsistent(work.log, looseRecords(), false, { batchStep: 2 })
    assert.deepEqual(await kinds(), ['damaged: it belongs to batch 2, and this is 1'])
    restore()
    writeConsistent(work.log, looseRecords(), false, { counted: 2 })
    assert.deepEqual(await kinds(), ['damaged: its batch is not whole'])
  })

  it('S12: a witness whose own key was used for two trees of one size', async () => {
    const path = join(work.witnessDirectory, 'test', 'seals')
    const own = await openWitnessKey(work.witnessDirectory)
    assert.ok(own.ok)
    const head = { origin: originOf('test'), size: 10, root: leafHash(Buffer.from('x')) }
    writeFileSync(path, `${readFileSync(path, 'utf8')}${cosign(head, own.value.key, own.value.privateKey, 1)}\n`)
    assert.ok(
      (await verified()).findings.some(({ problem }) => problem === 'the witness signed two trees of 10 entries'),
    )
  })

  it('refuses a witness directory inside the ledger, a missing one, and one without a key', async () => {
    const inside = join(work.ledgerDirectory, 'witness')
    cpSync(work.witnessDirectory, inside, { recursive: true })
    const link = join(work.ledgerDirectory, '..', 'link')
    symlinkSync(inside, link)
    for (const [directory, kind] of [
      [inside, 'witness-inside'],
      [link, 'witness-inside'],
      [work.ledgerDirectory, 'witness-inside'],
      [join(work.ledgerDirectory, 'nowhere'), 'no-witness'],
    ] as const) {
      const result = await verifyLedger({ ledgerDirectory: work.ledgerDirectory, witness: { directory } })
      assert.equal(!result.ok && result.reason.kind, kind)
    }
    writeFileSync(join(work.witnessDirectory, 'witness.pub'), 'nonsense')
    const result = await verifyLedger({
      ledgerDirectory: work.ledgerDirectory,
      witness: { directory: work.witnessDirectory },
    })
    assert.equal(!result.ok && result.reason.kind, 'no-witness')
  })

  it('S12: another public key than the one that was kept elsewhere does not count', async () => {
    const { publicKey } = generateKeyPairSync('ed25519')
    const key = witnessKeyText('firebreak-witness', publicKey)
    const witness = { directory: work.witnessDirectory, key }
    const result = await verifyLedger({ ledgerDirectory: work.ledgerDirectory, witness })
    assert.ok(result.ok)
    assert.equal(result.value.intact, false)
  })

  it('S4: damage under a seal stops the start; the same damage after the last seal does not', async () => {
    const { path, bytes, record } = entryAt(12)
    bytes[record.at + 40] = 0
    writeFileSync(path, bytes)
    const options = {
      directory: work.log,
      origin: originOf('test'),
      clock: { nowMs: Date.now },
      segmentBytes: SMALL_SEGMENTS,
    }
    rmSync(join(work.log, 'seal'))
    const damaged = await openLedger(options)
    assert.equal(!damaged.ok && damaged.reason.kind, 'damaged')
    restore()
    const last = entryAt(33)
    last.bytes[last.record.at + 40] = 0
    writeFileSync(last.path, last.bytes)
    const torn = await openLedger(options)
    assert.ok(torn.ok, JSON.stringify(torn))
    assert.equal(torn.value.head().size, 33)
    await torn.value.close()
  })
})

async function verified(): Promise<VerifyReport & { findings: readonly VerifyFinding[] }> {
  const { ledgerDirectory, witnessDirectory } = work
  const result = await verifyLedger({ ledgerDirectory, witness: { directory: witnessDirectory } })
  if (!result.ok) assert.fail(JSON.stringify(result.reason))
  return result.value
}

function restore(): void {
  for (const [from, to] of [
    ['ledger', work.ledgerDirectory],
    ['witness', work.witnessDirectory],
  ] as const) {
    rmSync(to, { recursive: true, force: true })
    cpSync(join(pristine, from), to, { recursive: true })
  }
}

/** Segments that were used. */
function segments(): string[] {
  const names = readdirSync(work.log).filter((name) => name.endsWith('.segment'))
  return names.map((name) => join(work.log, name)).filter((path) => [...recordsFrom(readFileSync(path), 0)].length > 0)
}

/** Every byte of some records of each kind, each header field of all, and some of the blank rest. */
function places(bytes: Buffer): number[] {
  const places: number[] = []
  const seen = new Map<string, number>()
  let end = 0
  for (const { kind, at, end: next } of recordsFrom(bytes, 0)) {
    const count = (seen.get(kind) ?? 0) + 1
    seen.set(kind, count)
    const stride = count === 2 ? 7 : 61
    for (let i = at; i < next; i += i < at + HEADER_BYTES && count === 2 ? 1 : stride) places.push(i)
    places.push(next - 1)
    end = next
  }
  if (end < bytes.length) places.push(end, bytes.length - 1, Math.floor((end + bytes.length) / 2))
  return places
}

function entryAt(seq: number): { path: string; bytes: Buffer; record: Record } {
  for (const path of segments()) {
    const bytes = readFileSync(path)
    for (const record of recordsFrom(bytes, 0)) {
      if (record.kind === 'entry' && record.seq === seq) return { path, bytes, record }
    }
  }
  throw new RangeError(`no entry ${seq}`)
}

type Loose = Pick<Record, 'kind' | 'seq' | 'body'>

/** Rewrites the log with other entries and payloads, as a gateway could: every header, CRC, batch and peak is right. */
function rewriteRecords(edit: (records: Loose[]) => Loose[]): void {
  writeConsistent(work.log, edit(looseRecords()), true)
}

/** The entries and payloads, taken out of their segments, which are removed. */
function looseRecords(): Loose[] {
  const records: Loose[] = []
  for (const path of segments()) {
    for (const { kind, seq, body } of recordsFrom(readFileSync(path), 0)) {
      if (kind === 'entry' || kind === 'payload') records.push({ kind, seq, body: Buffer.from(body) })
    }
  }
  for (const name of readdirSync(work.log)) if (name.endsWith('.segment')) rmSync(join(work.log, name))
  return records
}

function recordOf(records: Loose[], seq: number, edit: (text: string) => string): void {
  const at = records.findIndex((record) => record.kind === 'entry' && record.seq === seq)
  const old = records[at]
  assert.ok(old)
  const body = Buffer.from(edit(Buffer.from(old.body).toString()))
  assert.notDeepEqual(body, old.body)
  records[at] = { ...old, body }
}

function edited(records: Loose[], edit: 'remove' | 'double' | 'swap' | 'insert'): Loose[] {
  const at = records.findIndex(({ kind, seq }) => kind === 'entry' && seq === 12)
  const next = records.findIndex(({ kind, seq }) => kind === 'entry' && seq === 13)
  const [one, other] = [records[at], records[next]]
  assert.ok(one && other)
  switch (edit) {
    case 'remove':
      return records.toSpliced(at, 1)
    case 'double':
      return records.toSpliced(at, 0, one)
    case 'swap':
      return records.with(at, other).with(next, one)
    case 'insert':
      return records.toSpliced(at, 0, { ...one, body: Buffer.from(JSON.stringify(intent(99))) })
  }
}

interface Flaw {
  readonly index?: number
  readonly origin?: string
  readonly peaks?: readonly Uint8Array[]
  readonly batchStep?: number
  readonly counted?: number
}

/** `flaw` is what the second segment's header, or the first batch, has wrong. */
function writeConsistent(directory: string, records: readonly Loose[], renumber: boolean, flaw: Flaw = {}): void {
  const tree = new Tree()
  let [batch, index] = [0, 0]
  const origin = originOf('test')
  let parts = [headerRecord(batch, { origin, index, firstSeq: 0, peaks: [] }), commitRecord(0, 0, 0, 0)]
  const finish = (size: number) => {
    const bytes = Buffer.alloc(size)
    Buffer.concat(parts).copy(bytes)
    writeFileSync(segmentPath(directory, index++), bytes)
  }
  for (const { kind, body } of records) {
    const own = kind === 'entry' && renumber ? renumbered(body, tree.size) : body
    batch += flaw.batchStep ?? 1
    const bytes = record(kind, batch, tree.size, own)
    if (Buffer.concat(parts).length + bytes.length + 64 > 4_096) {
      finish(4_096)
      const header = { origin, index, firstSeq: tree.size, peaks: tree.peaks() }
      const flawed = {
        ...header,
        ...flaw,
        peaks: flaw.peaks ? header.peaks.map((peak) => flaw.peaks?.[0] ?? peak) : header.peaks,
      }
      parts = [headerRecord(batch, flawed)]
    }
    if (kind === 'entry') tree.append(leafHash(own))
    parts.push(bytes, commitRecord(batch, tree.size, flaw.counted ?? 1, bytes.length))
  }
  finish(8_192)
}

function renumbered(body: Uint8Array, seq: number): Buffer {
  const text = canonicalText({ atMs: 1, ...JSON.parse(Buffer.from(body).toString()), v: 1, seq })
  assert.ok(text.ok)
  return Buffer.from(text.value)
}

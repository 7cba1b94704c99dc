import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { firebreakHere } from '../../../test/kit/firebreak-here.ts'
import { CODE_POINT } from '../../../test/kit/texts.ts'
import { type Desk, fill, openDesk } from '../../../test/sim/ledger-fixture.ts'
import { segmentPath } from '../../ledger/log/disk.ts'
import { record } from '../../ledger/log/record.ts'
import { recordsFrom } from '../../ledger/log/scan.ts'
import { diffText } from '../commands/look/diff.ts'
import { folded, named, printable, printableJson } from './printable.ts'

const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/u
const EVIL = '\u001b[1A\u001b[2K\r\u001b]0;title\u0007\u009b31m\u202e\nintact: every entry under a seal is as it was'

describe('what a terminal is shown', () => {
  it('holds nothing that it obeys, and JSON says the same as before', () => {
    fc.assert(
      fc.property(fc.string({ unit: CODE_POINT, maxLength: 20 }), (text) => {
        assert.doesNotMatch(printable(text), UNSEEN)
        const json = printableJson({ [text]: [text] })
        assert.doesNotMatch(json, UNSEEN)
        assert.deepEqual(JSON.parse(json), { [text]: [text] })
      }),
      { numRuns: 50 },
    )
    for (const name of ['src/a-b.ts', '.env', '漢字/naïve.md', '$x', '@types/node', 'a+b=c~1'])
      assert.equal(named(name), name)
    assert.equal(named(`a.txt  2 bytes${' '.repeat(60)}+ b`), '"a.txt  2 bytes[60 spaces]+ b"')
    for (const name of ['', '-x', '+ x', '! x', 'a: b', 'x (y)', 'a,b', '"x"', 'a\u3164b'])
      assert.match(named(name), /^".*"$/u)
    const long = `+ ${'x'.repeat(90)}+ notes.md`
    const lines = folded(long, 88)
    assert.deepEqual([lines.length, lines.join('').replaceAll(' ', '')], [2, long.replaceAll(' ', '')])
    for (const line of lines.slice(1)) assert.match(line, /^ {6}/)
    assert.deepEqual(
      folded('漢'.repeat(50), 88).map((line) => line.length),
      [40, 16],
    )
    assert.deepEqual(folded(long, undefined), [long])
    assert.equal(printable('naïve — 漢字 😀'), 'naïve — 漢字 😀')
  })
})

describe('what a diff shows', () => {
  it('has each name in one place, whatever it says', () => {
    const name = `a  2 bytes${' '.repeat(60)}+ b`
    const said = `"a  2 bytes[60 spaces]+ b"`
    const file = { kind: 'added', path: name, type: 'file', mode: 0o644, bytes: 1, changedBelow: false }
    const diff = {
      workspace: 'a',
      record: { lower: '/work' },
      changes: [file, { ...file, path: 'link', type: 'symlink', target: name }],
      refused: [{ refused: name, why: 'a socket' }],
      executes: [{ path: name, why: 'a program' }],
      truncated: false,
    } as unknown as Parameters<typeof diffText>[0] // what is read of it
    const lines = diffText(diff)
    for (const line of [
      `  ! ${said}  (a program)`,
      `+ ${said}  1 bytes, mode 644`,
      `+ link  -> ${said}`,
      `x ${said}  never landed: a socket`,
    ])
      assert.ok(lines.includes(line), lines.join('\n'))
  })
})

describe('commands that read a ledger that somebody else wrote', () => {
  let desk: Desk
  let log: string

  before(async () => {
    desk = openDesk()
    const open = await desk.open('test')
    await fill(open.ledger, 3)
    await open.sealing.sealNow()
    await open.close()
    log = join(desk.ledgerDirectory, 'test')
  })

  after(() => desk.remove())

  const run = (...args: readonly string[]) => firebreakHere(args)

  /** Puts one more entry behind the last, as a taken-over gateway can, for as long as `during` runs. */
  async function withEntry(body: object, during: () => Promise<void>): Promise<void> {
    const path = segmentPath(log, 0)
    const bytes = readFileSync(path)
    const last = [...recordsFrom(bytes, 0)].at(-1)
    assert.ok(last)
    const entry = Buffer.from(JSON.stringify({ v: 1, seq: last.seq, atMs: 1, ...body }))
    const changed = Buffer.from(bytes)
    changed.set(record('entry', last.batch + 1, last.seq, entry), last.end)
    writeFileSync(path, changed)
    try {
      await during()
    } finally {
      writeFileSync(path, bytes)
    }
  }

  it('S12: verify shows a name that would rewrite the screen as what it is, on its own line', async () => {
    mkdirSync(join(desk.ledgerDirectory, EVIL))
    writeFileSync(join(log, EVIL.replaceAll('/', '')), '')
    const {
      code: status,
      stdout,
      stderr,
    } = await run('ledger', 'verify', desk.ledgerDirectory, '--witness', desk.witnessDirectory)
    rmSync(join(desk.ledgerDirectory, EVIL), { recursive: true })
    rmSync(join(log, EVIL))
    assert.equal(status, 7)
    assert.doesNotMatch(stdout + stderr, /(?!\n)\p{Cc}|\p{Cf}/u)
    assert.equal(stdout.split('\n').filter((line) => line.startsWith('intact')).length, 0)
    assert.match(stdout, /\\u\{1b\}\[2K/)
  })

  it('logs and why show what an entry holds, and nothing that a terminal obeys', async () => {
    const action = `a_${EVIL}`
    const common = { cell: EVIL, agent: EVIL, upstream: EVIL, effect: EVIL, tool: EVIL, args: { [EVIL]: EVIL } }
    const reasons = [{ kind: 'arguments', path: EVIL, problem: EVIL }]
    await withEntry(
      { kind: 'action.refused', action, environment: 'test', operation: 'tool', reasons, ...common },
      async () => {
        for (const args of [
          ['logs', '--refused'],
          ['why', action, '--json'],
          ['why', action],
        ]) {
          const { code: status, stdout, stderr } = await run(...args, '--state', desk.state)
          assert.equal(status, 0, stderr)
          assert.doesNotMatch(stdout + stderr, /(?!\n)\p{Cc}|\p{Cf}/u, args.join(' '))
          assert.doesNotMatch(stdout, /^intact/m)
        }
      },
    )
  })

  it('an entry of an unknown kind, or of no time, is told without a stack', async () => {
    await withEntry({ kind: 'zzz\u001b[2J' }, async () => {
      const logs = await run('logs', '--state', desk.state)
      assert.match(logs.stdout, /of a kind that is not known here: .*zzz/)
      const exported = await run('ledger', 'export', '--state', desk.state, '--format', 'ocsf')
      assert.equal(exported.code, 6)
      assert.match(exported.stderr, /^firebreak: .*entry 3 is of the kind "zzz.*which has no OCSF event here\n$/)
      assert.doesNotMatch(logs.stdout + exported.stderr, /(?!\n)\p{Cc}/u)
    })
    await withEntry({ kind: 'gateway.stopped', environment: 'test', why: 'x', atMs: 1e300 }, async () => {
      const { code: status, stderr } = await run('ledger', 'export', '--format', 'otel', '--state', desk.state)
      assert.equal(status, 6)
      assert.match(stderr, /out of place/)
    })
  })
})

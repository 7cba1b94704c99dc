import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../../../test/kit/runs.ts'
import { AUDIT_ARCHITECTURE, assemble, encode, type Instruction, VERDICT } from './assemble.ts'
import { DOCUMENT_PATH, seccompDocument } from './document.ts'
import { readTable, runProgram, type SystemCall } from './interpret.ts'
import { type Architecture, syscallNames, syscallNumber } from './numbers.ts'
import { type SeccompAction, TABLE, UNKNOWN } from './table.ts'

const HEADER = {
  x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h',
  arm64: '/usr/include/asm-generic/unistd.h',
} as const
const ARCHITECTURES: readonly Architecture[] = ['x64', 'arm64']
const PROGRAMS: Record<Architecture, readonly Instruction[]> = {
  x64: assemble(TABLE, UNKNOWN, 'x64'),
  arm64: assemble(TABLE, UNKNOWN, 'arm64'),
}

it('every call we know a number of stands in exactly one group', () => {
  const named = TABLE.flatMap((group) => group.names)
  assert.deepEqual(named.toSorted(), [...new Set(syscallNames())].toSorted())
})

it('every group says why', () => {
  for (const { title, why } of TABLE) assert.ok(why.length > 8, title)
})

for (const architecture of ARCHITECTURES) {
  it(`${architecture}: the program says what the table says, for random calls`, () => {
    fc.assert(
      fc.property(call(architecture), (made) => {
        const { verdict } = runProgram(PROGRAMS[architecture], made)
        assert.equal(verdict, verdictOf(readTable(TABLE, UNKNOWN, architecture, made)))
      }),
      { numRuns: runs(5_000, 30_000) },
    )
  })

  it(`${architecture}: the program says what the table says, for every number and each value a rule names`, () => {
    const interesting = new Set([0n, 1n, 0xffff_ffffn, ...TABLE.flatMap(({ rule }) => valuesIn(rule.clauses))])
    for (const name of syscallNames()) {
      const number = syscallNumber(name, architecture)
      if (number === undefined) continue
      for (const value of interesting) {
        for (const high of [0n, 1n << 32n]) {
          const args = Array.from({ length: 6 }, () => value | high)
          const made: SystemCall = { number, architecture: AUDIT_ARCHITECTURE[architecture], args }
          const told = readTable(TABLE, UNKNOWN, architecture, made)
          assert.equal(runProgram(PROGRAMS[architecture], made).verdict, verdictOf(told), `${name}(${value | high})`)
        }
      }
    }
  })

  it(`${architecture}: no call takes more than 60 instructions, and read takes at most 16`, () => {
    const zeros = [0n, 0n, 0n, 0n, 0n, 0n]
    for (const name of syscallNames()) {
      const number = syscallNumber(name, architecture)
      if (number === undefined) continue
      const made = { number, architecture: AUDIT_ARCHITECTURE[architecture], args: zeros }
      const { steps } = runProgram(PROGRAMS[architecture], made)
      assert.ok(steps <= (name === 'read' ? 16 : 60), `${name}: ${steps}`)
    }
  })
}

it('x32 and other architectures end the process', () => {
  const args = [0n, 0n, 0n, 0n, 0n, 0n]
  for (const number of [0, 1, 59, 231]) {
    const x32 = { number: number + 0x4000_0000, architecture: AUDIT_ARCHITECTURE.x64, args }
    assert.equal(runProgram(PROGRAMS.x64, x32).verdict, VERDICT.kill)
    // AUDIT_ARCH_I386: int 0x80 from a 64-bit program.
    assert.equal(runProgram(PROGRAMS.x64, { number, architecture: 0x4000_0003, args }).verdict, VERDICT.kill)
    assert.equal(
      runProgram(PROGRAMS.arm64, { number, architecture: AUDIT_ARCHITECTURE.x64, args }).verdict,
      VERDICT.kill,
    )
  }
})

it('the numbers are those of the headers of this machine', {
  skip: !existsSync(HEADER.x64) && 'no headers here',
}, () => {
  const text = readFileSync(HEADER.x64, 'utf8')
  const found = [...text.matchAll(/#define __NR_(\w+) (\d+)/g)]
  assert.ok(found.length > 300)
  for (const [, name = '', number] of found) assert.equal(syscallNumber(name, 'x64'), Number(number), name)
})

it('the arm64 numbers are those of the generic header', {
  skip: !existsSync(HEADER.arm64) && 'no headers here',
}, () => {
  const text = readFileSync(HEADER.arm64, 'utf8')
  const found = [...text.matchAll(/#define __NR_(\w+) (\d+)/g)].filter(([, name]) => name !== 'syscalls')
  assert.ok(found.length > 290)
  for (const [, name = '', number] of found) {
    const known = syscallNumber(name, 'arm64')
    // Numbers of 32-bit variants and of architecture blocks share the header and mean nothing on arm64.
    if (known !== undefined) assert.equal(known, Number(number), name)
  }
})

it('docs/SECCOMP.md is what the table says', () => {
  assert.equal(readFileSync(DOCUMENT_PATH, 'utf8'), seccompDocument(), 'run: node src/cells/linux/seccomp/document.ts')
})

it('an encoded program is eight bytes an instruction, as struct sock_filter has them', () => {
  const bytes = Buffer.from(encode([{ code: 0x15, jt: 1, jf: 2, k: 0xc000_003e }]))
  assert.equal(bytes.toString('hex'), '150001023e0000c0')
})

function call(architecture: Architecture): fc.Arbitrary<SystemCall> {
  const values = [0n, 1n, ...TABLE.flatMap(({ rule }) => valuesIn(rule.clauses))]
  const low = fc.oneof(fc.constantFrom(...values), fc.bigInt(0n, 0xffff_ffffn))
  const high = fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffff_ffffn))
  const arg = fc.tuple(low, high).map(([l, h]) => l | (h << 32n))
  return fc.record({
    number: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 480 }) },
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.constantFrom(0x3fff_ffff, 0x4000_0000, 0x4000_0001, 0xffff_ffff, 0xffff_fffe),
    ),
    architecture: fc.oneof(
      { weight: 8, arbitrary: fc.constant(AUDIT_ARCHITECTURE[architecture]) },
      fc.constantFrom(AUDIT_ARCHITECTURE.x64, AUDIT_ARCHITECTURE.arm64, 0x4000_0003),
      fc.integer({ min: 0, max: 0xffff_ffff }),
    ),
    args: fc.array(arg, { minLength: 6, maxLength: 6 }),
  })
}

function valuesIn(clauses: (typeof TABLE)[number]['rule']['clauses']): readonly bigint[] {
  return clauses.flatMap(({ when }) =>
    when
      .flatMap((test) => ('in' in test ? test.in.map(BigInt) : []))
      .concat(when.flatMap((test) => ('mask' in test ? [BigInt(test.mask), BigInt(test.mask & -test.mask)] : []))),
  )
}

function verdictOf(action: SeccompAction): number {
  return action.kind === 'allow' ? VERDICT.allow : action.kind === 'kill' ? VERDICT.kill : VERDICT.errno + action.errno
}

it('tables too large for short jumps still say what they say', () => {
  const names = syscallNames().filter((name) => syscallNumber(name, 'x64') !== undefined)
  // Seven instructions a call: from 30 on a jump may be too long, and some count has one that just fits.
  for (const size of [...Array.from({ length: 60 }, (_, i) => 25 + i), 300]) {
    const table = names.slice(0, size).map((name, i) => ({
      title: name,
      why: 'a test',
      names: [name],
      rule: {
        clauses: [{ when: [{ arg: 0, in: [i, i + 1, i + 2] }], do: { kind: 'errno', errno: 1 }, reads: '' }],
        otherwise: { kind: 'errno', errno: i + 2 },
      },
    })) satisfies typeof TABLE
    const program = assemble(table, UNKNOWN, 'x64')
    // Refuses a jump that does not fit into its byte.
    assert.equal(encode(program).length, program.length * 8)
    for (let number = 0; number <= size; number++) {
      for (const value of [0n, BigInt(number), BigInt(number + 2), BigInt(number + 3)]) {
        const made = { number, architecture: AUDIT_ARCHITECTURE.x64, args: [value, 0n, 0n, 0n, 0n, 0n] }
        assert.equal(runProgram(program, made).verdict, verdictOf(readTable(table, UNKNOWN, 'x64', made)))
      }
    }
  }
})

/**
 * Turns the table into a classic BPF program for seccomp(2): a binary search over the call numbers, so that the
 * hottest call is as many steps away as the rarest (about nine), each leaf a verdict or a few comparisons.
 * Linux Documentation/userspace-api/seccomp_filter.rst
 */
import { type Architecture, syscallNumber } from './numbers.ts'
import type { Clause, Group, SeccompAction, SeccompRule, Test } from './table.ts'

/** One instruction: operation, jump if true, jump if false, operand. */
export interface Instruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

export const BPF = {
  /** A = the 32-bit word at k of `struct seccomp_data`. */
  load: 0x20,
  and: 0x54,
  jump: 0x05,
  jumpIfEqual: 0x15,
  jumpIfAtLeast: 0x35,
  verdict: 0x06,
} as const

export const VERDICT = { allow: 0x7fff_0000, errno: 0x0005_0000, kill: 0x8000_0000 } as const

/** AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64, linux/audit.h. */
export const AUDIT_ARCHITECTURE: Record<Architecture, number> = { x64: 0xc000_003e, arm64: 0xc000_00b7 }

/** Offsets in `struct seccomp_data`; both architectures are little-endian, so the low word of an argument comes first. */
export const OFFSET = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index } as const

/** Numbers from here on are x32's: another table of calls over the same kernel. -1 is nobody's, and answers ENOSYS. */
export const X32_FIRST = 0x4000_0000

/** Instructions that the kernel accepts in one program. */
const INSTRUCTIONS_MAX = 4_096

export function assemble(
  table: readonly Group[],
  unknown: SeccompAction,
  architecture: Architecture,
): readonly Instruction[] {
  const program = new Backwards()
  const search = emitSearch(program, leaves(table, unknown, architecture))
  // A program of another architecture, or of x32, is an attack on the filter, not a mistake: it ends there.
  const kill = program.verdict({ kind: 'kill' })
  const start = program.branch(BPF.jumpIfEqual, 0xffff_ffff, search, architecture === 'x64' ? kill : search)
  const afterX32 = architecture === 'x64' ? program.branch(BPF.jumpIfAtLeast, X32_FIRST, start, search) : search
  const number = program.load(OFFSET.number, afterX32)
  const native = program.branch(BPF.jumpIfEqual, AUDIT_ARCHITECTURE[architecture], number, kill)
  program.load(OFFSET.architecture, native)
  const instructions = program.instructions()
  if (instructions.length > INSTRUCTIONS_MAX) throw new RangeError(`a filter of ${instructions.length} instructions`)
  return instructions
}

export function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8)
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * i)
    bytes.writeUInt8(jt, 8 * i + 2)
    bytes.writeUInt8(jf, 8 * i + 3)
    bytes.writeUInt32LE(k >>> 0, 8 * i + 4)
  }
  return bytes
}

/** One rule for the numbers from `from` up to the next leaf's; the first begins at 0. */
interface Leaf {
  readonly from: number
  readonly rule: SeccompRule
}

/** Neighbours with the same plain verdict become one. */
function leaves(table: readonly Group[], unknown: SeccompAction, architecture: Architecture): readonly Leaf[] {
  const rules = new Map<number, SeccompRule>()
  for (const { rule, names } of table) {
    for (const name of names) {
      const number = syscallNumber(name, architecture)
      if (number === undefined) continue
      if (rules.has(number)) throw new Error(`${name} stands in two groups`)
      rules.set(number, rule)
    }
  }
  const last = Math.max(...rules.keys())
  const found: Leaf[] = []
  for (let number = 0; number <= last + 1; number++) {
    const rule = rules.get(number) ?? { clauses: [], otherwise: unknown }
    const before = found.at(-1)?.rule
    if (before === undefined || !samePlain(before, rule)) found.push({ from: number, rule })
  }
  return found
}

function samePlain(a: SeccompRule, b: SeccompRule): boolean {
  if (a.clauses.length > 0 || b.clauses.length > 0) return false
  return verdictValue(a.otherwise) === verdictValue(b.otherwise)
}

function emitSearch(program: Backwards, found: readonly Leaf[]): Label {
  const [only] = found
  if (only === undefined) throw new Error('an empty table')
  if (found.length === 1) return emitRule(program, only.rule)
  const middle = found.length >> 1
  const pivot = found[middle]
  if (pivot === undefined) throw new Error('unreachable')
  const above = emitSearch(program, found.slice(middle))
  const below = emitSearch(program, found.slice(0, middle))
  return program.branch(BPF.jumpIfAtLeast, pivot.from, above, below)
}

function emitRule(program: Backwards, rule: SeccompRule): Label {
  let next = program.verdict(rule.otherwise)
  for (const clause of rule.clauses.toReversed()) next = emitClause(program, clause, next)
  return next
}

/** All tests, or on to `otherwise`. */
function emitClause(program: Backwards, clause: Clause, otherwise: Label): Label {
  let next = program.verdict(clause.do)
  for (const test of clause.when.toReversed()) next = emitTest(program, test, next, otherwise)
  return next
}

function emitTest(program: Backwards, test: Test, yes: Label, no: Label): Label {
  const low = OFFSET.argument(test.arg)
  if ('nonzero' in test) {
    const high = program.load(low + 4, program.branch(BPF.jumpIfEqual, 0, no, yes))
    return program.load(low, program.branch(BPF.jumpIfEqual, 0, high, yes))
  }
  let next = no
  for (const value of test.in.toReversed()) next = program.branch(BPF.jumpIfEqual, value, yes, next)
  return program.load(low, 'mask' in test ? program.and(test.mask, next) : next)
}

function verdictValue(action: SeccompAction): number {
  switch (action.kind) {
    case 'allow':
      return VERDICT.allow
    case 'errno':
      return VERDICT.errno | action.errno
    case 'kill':
      return VERDICT.kill
  }
}

/** Distance of an instruction from the end of the program; what is emitted later stands before it. */
type Label = number & { readonly label: unique symbol }

/**
 * A program written from its end, because BPF only jumps forward: a target always exists before its jump. Conditional
 * jumps reach 255 instructions; further ones go through an unconditional one, put right behind.
 */
class Backwards {
  readonly #reversed: Instruction[] = []

  verdict(action: SeccompAction): Label {
    return this.#push({ code: BPF.verdict, jt: 0, jf: 0, k: verdictValue(action) })
  }

  load(offset: number, next: Label): Label {
    this.#fallInto(next)
    return this.#push({ code: BPF.load, jt: 0, jf: 0, k: offset })
  }

  and(mask: number, next: Label): Label {
    this.#fallInto(next)
    return this.#push({ code: BPF.and, jt: 0, jf: 0, k: mask })
  }

  branch(code: number, k: number, yes: Label, no: Label): Label {
    const nearNo = this.#near(no, 1)
    const nearYes = this.#near(yes, 0)
    return this.#push({ code, jt: this.#distance(nearYes), jf: this.#distance(nearNo), k })
  }

  instructions(): readonly Instruction[] {
    return this.#reversed.toReversed()
  }

  #push(instruction: Instruction): Label {
    this.#reversed.push(instruction)
    return this.#here()
  }

  #here(): Label {
    return this.#reversed.length as Label // the only maker of labels: a count of what has been emitted
  }

  /** Distance from the instruction that comes next: 0 is the one right behind it. */
  #distance(label: Label): number {
    return this.#reversed.length - label
  }

  #fallInto(next: Label): void {
    if (this.#distance(next) > 0) this.#push({ code: BPF.jump, jt: 0, jf: 0, k: this.#distance(next) })
  }

  /** `spare`: how many instructions may still be put between here and the jump. */
  #near(label: Label, spare: number): Label {
    if (this.#distance(label) + spare <= 255) return label
    return this.#push({ code: BPF.jump, jt: 0, jf: 0, k: this.#distance(label) })
  }
}

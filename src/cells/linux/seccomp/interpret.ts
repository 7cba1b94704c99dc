/** Two readings of a filter that share no code with the assembler: the program run as the kernel would, and the table read as a person would. */
import { AUDIT_ARCHITECTURE, BPF, type Instruction, OFFSET, X32_FIRST } from './assemble.ts'
import { type Architecture, syscallName } from './numbers.ts'
import type { Group, SeccompAction, Test } from './table.ts'

/** `struct seccomp_data`, as far as a filter of ours looks. */
export interface SystemCall {
  /** Unsigned 32 bits. */
  readonly number: number
  readonly architecture: number
  /** Six, unsigned 64 bits each. */
  readonly args: readonly bigint[]
}

/** The verdict of a classic BPF program, and how many instructions it took. */
export function runProgram(
  program: readonly Instruction[],
  call: SystemCall,
): { readonly verdict: number; readonly steps: number } {
  let accumulator = 0
  for (let at = 0, steps = 1; steps <= program.length; at++, steps++) {
    const instruction = program[at]
    if (instruction === undefined) throw new RangeError('ran past the end')
    const { code, jt, jf, k } = instruction
    if (code === BPF.verdict) return { verdict: k >>> 0, steps }
    if (code === BPF.load) accumulator = word(call, k)
    else if (code === BPF.and) accumulator = (accumulator & k) >>> 0
    else if (code === BPF.jump) at += k
    else if (code === BPF.jumpIfEqual) at += accumulator === k >>> 0 ? jt : jf
    else if (code === BPF.jumpIfAtLeast) at += accumulator >= k >>> 0 ? jt : jf
    else throw new RangeError(`no such instruction: ${code}`)
  }
  throw new RangeError('does not end')
}

/** Returns the table's verdict on a call. */
export function readTable(
  table: readonly Group[],
  unknown: SeccompAction,
  architecture: Architecture,
  call: SystemCall,
): SeccompAction {
  if (call.architecture !== AUDIT_ARCHITECTURE[architecture]) return { kind: 'kill' }
  if (architecture === 'x64' && call.number >= X32_FIRST && call.number !== 0xffff_ffff) return { kind: 'kill' }
  const name = syscallName(call.number, architecture)
  const group = name === undefined ? undefined : table.find(({ names }) => names.includes(name))
  if (group === undefined) return unknown
  const clause = group.rule.clauses.find(({ when }) => when.every((test) => holds(test, call)))
  return clause?.do ?? group.rule.otherwise
}

function holds(test: Test, call: SystemCall): boolean {
  const value = call.args[test.arg] ?? 0n
  if ('nonzero' in test) return value !== 0n
  const low = value & 0xffff_ffffn
  const seen = 'mask' in test ? low & BigInt(test.mask) : low
  return test.in.some((wanted) => BigInt(wanted) === seen)
}

function word(call: SystemCall, offset: number): number {
  if (offset === OFFSET.number) return call.number
  if (offset === OFFSET.architecture) return call.architecture
  const value = call.args[(offset - 16) >> 3] ?? 0n
  return Number(offset % 8 === 0 ? value & 0xffff_ffffn : value >> 32n)
}

import { basename } from 'node:path'
import { readPlainFile } from '../../model/host/plain-file.ts'

export interface Interpreter {
  /** A path, or a name that env(1) looks for. */
  readonly program: string
}

/** The kernel's own limit of the line. execve(2) */
const LINE_BYTES_MAX = 256
const HEAD_BYTES_MAX = 1_024

/**
 * The program that a script names on its first line, with env(1) and its options seen through; undefined of what is no
 * script. Installers of Python write a shell's first line where the path to their Python is too long for the kernel or has
 * a space in it, and name it on the second.
 */
export function interpreterOf(file: string): Interpreter | undefined {
  const [first = '', second = ''] = (readPlainFile(file, HEAD_BYTES_MAX)?.bytes.toString('latin1') ?? '').split('\n')
  const words = /^#!\s*(.*)$/.exec(first.slice(0, LINE_BYTES_MAX))?.[1]?.trim().split(/\s+/) ?? []
  const [program, ...args] = words
  if (program === undefined || program === '') return undefined
  const python = /^'''exec' "?([^"\n]+?)"? "\$0"/.exec(second)?.[1]
  if (python !== undefined) return { program: python }
  if (basename(program) !== 'env') return { program }
  const inner = args.find((word) => !word.startsWith('-') && !word.includes('='))
  return { program: inner ?? program }
}

/**
 * Raw system calls for the attack programs. They run inside a cell (and, as a control, outside one), so that a refusal
 * is the kernel's and not a library's.
 */
import koffi from 'koffi'

const library = koffi.load('libc.so.6')
const libcSyscall: (number: number, ...args: readonly bigint[]) => number = library.func(
  'long syscall(long number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f)',
)

export type Argument = number | bigint | string | Uint8Array

/** The value, or the errno as a negative number, as the kernel itself answers. */
export function sys(number: number, ...args: readonly Argument[]): number {
  // Held until after the call: the kernel gets addresses only.
  const buffers = args.map((arg) => (typeof arg === 'string' ? Buffer.from(`${arg}\0`) : arg))
  const values = buffers.map((arg) =>
    typeof arg === 'number' ? BigInt(arg) : typeof arg === 'bigint' ? BigInt.asIntN(64, arg) : koffi.address(arg),
  )
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = values
  const value = libcSyscall(number, a, b, c, d, e, f)
  return value < 0 ? -koffi.errno() : value
}

/** What each attempt answered: a number from `sys`, a string a program can explain, or what it read. */
export function report(results: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(results)}\n`)
}

/** The errno name of a failing Node call, or `done` with what it returned. */
export function tried(act: () => unknown): string {
  try {
    const value = act()
    return `done: ${String(value).slice(0, 80)}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

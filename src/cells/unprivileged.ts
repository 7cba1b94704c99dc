/**
 * What every service process does first: it can gain nothing by an exec, its memory can be read by nobody but root, and
 * it leaves no core behind. Loaded by the gateway and the witness; imports nothing of the room. prctl(2), setrlimit(2)
 */
import koffi from 'koffi'

/** Throws when the kernel refuses: a service that is not shut does not start. */
export function shutProcess(): void {
  const refused = [
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 && 'no_new_privs',
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 && 'dumpable',
    libc.setrlimit(RLIMIT_CORE, new BigUint64Array([0n, 0n])) < 0 && 'core',
  ].filter((step) => step !== false)
  if (refused.length > 0) throw new Error(`the kernel refused ${refused.join(', ')}`)
}

const PR_SET_DUMPABLE = 4
const PR_SET_NO_NEW_PRIVS = 38
const RLIMIT_CORE = 4

interface LibraryCalls {
  readonly prctl: (option: number, a: number, b: number, c: number, d: number) => number
  readonly setrlimit: (resource: number, limit: BigUint64Array) => number
}

const library = koffi.load('libc.so.6')
const libc: LibraryCalls = {
  prctl: library.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)'),
  setrlimit: library.func('int setrlimit(int resource, const uint64_t *limit)'),
}

/**
 * Takes all privileges from a service process before it reads its first byte: it becomes its own uid for good, can gain
 * nothing by an exec, has memory that nobody but root can read, and leaves no core behind. It begins as the warden's
 * uid, because the way to our code may lead through directories that no other uid may pass (/root), and has loaded all
 * of it by then. Lent to the gateway and the witness; imports nothing of the room. setuid(2), prctl(2), setrlimit(2)
 */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import koffi from 'koffi'

/** `uid`: undefined where there is no other to become. Throws when anything is left: such a service does not start. */
export function shutProcess(uid: number | undefined): void {
  if (uid !== undefined) becomeFor(uid)
  const refused = [
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 && 'no_new_privs',
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 && 'dumpable',
    libc.setrlimit(RLIMIT_CORE, new BigUint64Array([0n, 0n])) < 0 && 'core',
  ].filter((step) => step !== false)
  if (refused.length > 0) throw new Error(`the kernel refused ${refused.join(', ')}`)
}

/** The C library changes all threads at once; what the kernel then says of us is believed, not the call. */
function becomeFor(uid: number): void {
  process.setgroups?.([])
  process.setgid?.(uid)
  process.setuid?.(uid)
  const status = readFileSync('/proc/self/status', 'utf8')
  const ids = [`Uid:${`\t${uid}`.repeat(4)}`, `Gid:${`\t${uid}`.repeat(4)}`]
  const powers = ['CapPrm', 'CapEff', 'CapInh', 'CapAmb'].map((set) => `${set}:\t${'0'.repeat(16)}`)
  for (const line of [...ids, ...powers])
    if (!status.includes(`${line}\n`)) throw new Error(`still privileged: no "${line}"`)
}

/** The argument with which a service is told whom to become: `--uid <n>`. */
export function uidArgument(args: readonly string[]): number | undefined {
  const at = args.indexOf('--uid')
  if (at === -1) return undefined
  const uid = Number(args[at + 1])
  if (!Number.isSafeInteger(uid) || uid <= 0) throw new RangeError('--uid: not a uid')
  return uid
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

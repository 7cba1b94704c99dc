/**
 * The system calls that Node does not offer and the warden needs. Each returns its value or the errno; nothing here
 * decides. All of them are synchronous, so that namespace changes never leave the main thread half-moved.
 * It is long because each call stands here with its structures and what its errno means.
 */
import { writeSync } from 'node:fs'
import process from 'node:process'
import koffi from 'koffi'
import { no, ok, type Result } from '../../model/result.ts'

/** Returns which call failed and why, for a message to a person: `setns: EPERM`. */
export interface SystemFault {
  readonly call: string
  readonly errno: number
}

export function systemFaultText(fault: SystemFault): string {
  const name = Object.entries(koffi.os.errno).find(([, value]) => value === fault.errno)?.[0]
  return `${fault.call}: ${name ?? `errno ${fault.errno}`}`
}

/** [read end, write end], both close-on-exec. pipe(2) */
export function pipe(): Result<readonly [number, number], SystemFault> {
  const pair = new Int32Array(2)
  if (libc.pipe2(pair, O_CLOEXEC) < 0) return failed('pipe2')
  const [read = -1, write = -1] = pair
  return ok([read, write])
}

/** Every descriptor of this process from 3 on becomes close-on-exec, those it was itself handed included. */
export function closeAllOnExec(): Result<number, SystemFault> {
  return numbered('close_range', SYS.close_range, 3, 0x7fff_ffff, CLOSE_RANGE_CLOEXEC)
}

export const NAMESPACES = { user: 0x1000_0000, network: 0x4000_0000, mount: 0x0002_0000 } as const

/** Puts the calling thread into a network namespace that nothing else is in. unshare(2) */
export function newNetwork(): Result<number, SystemFault> {
  return returned('unshare', libc.unshare(CLONE_NEWNET))
}

/** Moves the calling thread. setns(2) */
export function enterNamespace(fd: number, kind: keyof typeof NAMESPACES): Result<number, SystemFault> {
  return returned('setns', libc.setns(fd, NAMESPACES[kind]))
}

export interface MountOptions {
  readonly nosuid: boolean
  readonly nodev: boolean
  readonly noexec?: boolean
  readonly readOnly?: boolean
}

/** A mount that stands nowhere yet. fsopen(2), fsconfig(2), fsmount(2). `options` in order; `true` sets a flag. */
export function newMount(
  type: string,
  options: readonly (readonly [string, string | true])[],
  attributes: MountOptions,
): Result<number, SystemFault> {
  const context = returned('fsopen', call(SYS.fsopen, text(type), FSOPEN_CLOEXEC))
  if (!context.ok) return context
  try {
    for (const [key, value] of options) {
      const set =
        value === true
          ? call(SYS.fsconfig, context.value, FSCONFIG_SET_FLAG, text(key), 0, 0)
          : call(SYS.fsconfig, context.value, FSCONFIG_SET_STRING, text(key), text(value), 0)
      if (set < 0) return failed(`fsconfig ${key}`)
    }
    if (call(SYS.fsconfig, context.value, FSCONFIG_CMD_CREATE, 0, 0, 0) < 0) return failed(`fsconfig create ${type}`)
    return returned('fsmount', call(SYS.fsmount, context.value, FSMOUNT_CLOEXEC, mountFlags(attributes)))
  } finally {
    libc.close(context.value)
  }
}

/** A detached copy of the mount that `path` lies in, rooted at `path`; `recursive` takes the mounts below along. */
export function cloneMount(path: string, recursive: boolean): Result<number, SystemFault> {
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0)
  return returned('open_tree', call(SYS.open_tree, AT_FDCWD, text(path), flags))
}

/** mount_setattr(2). With `userNamespaceFd`, owners on disk are shown as that namespace maps them. */
export function changeMount(
  mountFd: number,
  attributes: MountOptions,
  userNamespaceFd?: number,
): Result<number, SystemFault> {
  const record = Buffer.alloc(32)
  const idmap = userNamespaceFd === undefined ? 0n : MOUNT_ATTR_IDMAP
  record.writeBigUInt64LE(BigInt(mountFlags(attributes)) | idmap, 0)
  record.writeBigUInt64LE(BigInt(userNamespaceFd ?? 0), 24)
  return returned('mount_setattr', call(SYS.mount_setattr, mountFd, text(''), AT_EMPTY_PATH, record, record.length))
}

/** Puts a detached mount in place. move_mount(2) */
export function attachMount(mountFd: number, path: string): Result<number, SystemFault> {
  return returned('move_mount', call(SYS.move_mount, mountFd, text(''), AT_FDCWD, text(path), MOVE_MOUNT_F_EMPTY_PATH))
}

/**
 * A nameless file in memory that holds `bytes`, its offset at the start, close-on-exec. memfd_create(2)
 */
export function memoryFile(name: string, bytes: Uint8Array): Result<number, SystemFault> {
  const fd = returned('memfd_create', libc.memfd_create(name, MFD_CLOEXEC))
  if (fd.ok) writeSync(fd.value, bytes, 0, bytes.length, 0)
  return fd
}

/** The errno of looking `path` up with `rootFd` as the root, symlinks included, or 0 where it is there. openat2(2) */
export function lookUpWithin(rootFd: number, path: string): number {
  const how = Buffer.alloc(24)
  how.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0)
  how.writeBigUInt64LE(RESOLVE_IN_ROOT, 16)
  const opened = numbered('openat2', SYS.openat2, rootFd, text(path), how, how.length)
  if (!opened.ok) return opened.reason.errno
  libc.close(opened.value)
  return 0
}

/** Returns the stretches of a sparse file that hold data, as [offset, length]. lseek(2), SEEK_DATA and SEEK_HOLE */
export function dataIn(fd: number, bytes: number): readonly (readonly [number, number])[] {
  const found: (readonly [number, number])[] = []
  for (let at = 0; at < bytes; ) {
    const start = libc.lseek(fd, at, SEEK_DATA)
    if (start < 0) break
    const end = libc.lseek(fd, start, SEEK_HOLE)
    found.push([start, end - start])
    at = end
  }
  return found
}

/** Writes what is dirty of the file system that `fd` lies on, on another thread. False where it cannot. syncfs(2) */
export function syncFileSystem(fd: number): Promise<boolean> {
  return later(libc.syncfs, fd).then((failed) => failed === 0)
}

/** Makes `to` share the blocks of `from`: true on btrfs and xfs. ioctl_ficlone(2) */
export function shareBlocks(from: number, to: number): boolean {
  return libc.ioctlOf(to, FICLONE, from) === 0
}

/**
 * Copies up to `bytes` at `at` of one file to the same place of the other, on another thread and without bringing them
 * here. Returns how many were; 0 or less where it cannot. copy_file_range(2)
 */
export function copyRange(from: number, to: number, at: number, bytes: number): Promise<number> {
  for (const fd of [from, to]) libc.lseek(fd, at, SEEK_SET)
  return later(libc.copy_file_range, from, null, to, null, bytes, 0)
}

export interface LoopDevice {
  readonly path: string
  readonly fd: number
}

/** Makes `fileFd` readable and writable as a block device that goes when its last user does. loop(4) */
export function attachLoop(
  controlFd: number,
  fileFd: number,
  open: (path: string) => number,
): Result<LoopDevice, SystemFault> {
  const config = Buffer.alloc(304)
  config.writeUInt32LE(fileFd, 0)
  config.writeUInt32LE(LO_FLAGS_AUTOCLEAR, LO_FLAGS_OFFSET)
  // Another process may take the free one first.
  for (let attempt = 0; attempt < LOOP_ATTEMPTS_MAX; attempt++) {
    const number = returned('LOOP_CTL_GET_FREE', libc.ioctl(controlFd, LOOP_CTL_GET_FREE, null))
    if (!number.ok) return number
    const path = `/dev/loop${number.value}`
    const device = open(path)
    const configured = returned('LOOP_CONFIGURE', libc.ioctl(device, LOOP_CONFIGURE, config))
    // Kept open until the caller has mounted it: the last close of an unused one would clear it.
    if (configured.ok) return ok({ path, fd: device })
    libc.close(device)
    if (configured.reason.errno !== EBUSY) return configured
  }
  return no({ call: 'LOOP_CONFIGURE', errno: EBUSY })
}

/** The user namespace that owns another namespace, close-on-exec. ioctl_ns(2) */
export function ownerOf(namespaceFd: number): Result<number, SystemFault> {
  return returned('NS_GET_USERNS', libc.ioctl(namespaceFd, NS_GET_USERNS, null))
}

/** A bind of a directory onto itself whose mounts spread to no other namespace. */
export function makePrivate(path: string): Result<number, SystemFault> {
  const bound = returned('mount --bind', libc.mount(path, path, null, MS_BIND, null))
  if (!bound.ok) return bound
  return returned('mount --make-private', libc.mount(null, path, null, MS_PRIVATE, null))
}

/** Takes a mount away. `lazy` leaves it to those who still use it. umount2(2) */
export function unmount(path: string, lazy: boolean): Result<number, SystemFault> {
  return returned('umount2', libc.umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)))
}

export interface Terminal {
  readonly controller: number
  readonly terminal: number
}

/** A pseudo-terminal of its own, both ends close-on-exec. openpty(3) */
export function newTerminal(columns: number, rows: number): Result<Terminal, SystemFault> {
  const ends = [new Int32Array(1), new Int32Array(1)] as const
  const size = new Uint16Array([rows, columns, 0, 0])
  if (libc.openpty(ends[0], ends[1], null, null, size) < 0) return failed('openpty')
  const [controller = -1, terminal = -1] = [ends[0][0], ends[1][0]]
  for (const fd of [controller, terminal]) libc.fcntl(fd, F_SETFD, FD_CLOEXEC)
  return ok({ controller, terminal })
}

/**
 * Main threads that run before all that is scheduled by shares, or as everybody does again; what they start does not
 * inherit it. sched(7): SCHED_RR, SCHED_OTHER, SCHED_RESET_ON_FORK
 */
export function schedule(pid: number, how: 'first' | 'as-all'): Result<number, SystemFault> {
  const [policy, priority] = how === 'first' ? [SCHED_RR | SCHED_RESET_ON_FORK, 1] : [SCHED_OTHER, 0]
  return returned('sched_setscheduler', libc.sched_setscheduler(pid, policy, new Int32Array([priority])))
}

/**
 * Kills a process with all its threads if `isMeant` says so once the process is held by a descriptor: after that its
 * number is nobody else's. pidfd_open(2), pidfd_send_signal(2)
 */
export function killProcess(pid: number, isMeant: () => boolean): void {
  const held = numbered('pidfd_open', SYS.pidfd_open, pid, 0)
  if (!held.ok) return
  try {
    if (isMeant()) call(SYS.pidfd_send_signal, held.value, SIGKILL, 0, 0)
  } finally {
    libc.close(held.value)
  }
}

/**
 * Connects to a Unix socket and returns the process that listens at it, as numbered in this process's PID namespace: 0 for
 * one that is in none of it. unix(7), SO_PEERCRED. `path` has at most 107 bytes.
 */
export function listenerAt(path: string): Result<number, SystemFault> {
  const fd = returned('socket', libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | O_CLOEXEC, 0))
  if (!fd.ok) return fd
  try {
    const address = Buffer.concat([Buffer.from(Uint16Array.of(AF_UNIX).buffer), text(path)])
    const connected = returned('connect', libc.connect(fd.value, address, address.length))
    if (!connected.ok) return connected
    const credentials = new Int32Array(3)
    const asked = libc.getsockopt(fd.value, SOL_SOCKET, SO_PEERCRED, credentials, [credentials.byteLength])
    return asked < 0 ? failed('getsockopt') : ok(credentials[0] ?? 0)
  } finally {
    libc.close(fd.value)
  }
}

/**
 * Runs `act`, which does not wait, with that user's rights on files and with no group's; throws where the kernel gives or
 * takes none. Those of this thread alone change: what others of this process do meanwhile they do as before. setfsuid(2)
 */
export function withFilesOf<T>(uid: number, act: () => T): T {
  const groups = process.getgroups?.() ?? []
  setGroups([])
  try {
    setFileIds(uid, NO_GROUP)
    return act()
  } finally {
    setFileIds(process.geteuid?.() ?? 0, process.getegid?.() ?? 0)
    setGroups(groups)
  }
}

/** Sets the groups of this thread, by the kernel and not by the library, which would change all threads. */
function setGroups(groups: readonly number[]): void {
  const set = numbered('setgroups', SETGROUPS, groups.length, Buffer.from(Uint32Array.from([...groups, 0]).buffer))
  if (!set.ok) throw new Error(systemFaultText(set.reason))
}

/** Neither call tells that it has failed, but each what stood before. */
function setFileIds(uid: number, gid: number): void {
  libc.setfsgid(gid)
  libc.setfsuid(uid)
  if (libc.setfsgid(NOBODY) !== gid || libc.setfsuid(NOBODY) !== uid)
    throw new Error(`the kernel does not give this process the rights of uid ${uid} on files`)
}

function mountFlags(options: MountOptions): number {
  return (
    (options.readOnly ? MOUNT_ATTR_RDONLY : 0) |
    (options.nosuid ? MOUNT_ATTR_NOSUID : 0) |
    (options.nodev ? MOUNT_ATTR_NODEV : 0) |
    (options.noexec ? MOUNT_ATTR_NOEXEC : 0)
  )
}

type Argument = number | Buffer

/** syscall(2) with up to five arguments; a buffer is passed as its address and outlives the call by being in `args`. */
function call(number: number, ...args: readonly Argument[]): number {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args.map((arg) =>
    typeof arg === 'number' ? BigInt(arg) : koffi.address(arg),
  )
  return libc.syscall(number, a, b, c, d, e)
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`)
}

function numbered(name: string, number: number, ...args: readonly Argument[]): Result<number, SystemFault> {
  return returned(name, call(number, ...args))
}

/** Must be the next thing after the call: errno is the thread's. */
function returned(name: string, value: number): Result<number, SystemFault> {
  return value < 0 ? failed(name) : ok(value)
}

function failed(name: string): { readonly ok: false; readonly reason: SystemFault } {
  return no({ call: name, errno: koffi.errno() })
}

/** The same numbers on x86-64 and arm64: calls newer than 5.0 are numbered alike everywhere. */
const SYS = {
  pidfd_send_signal: 424,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  close_range: 436,
  openat2: 437,
  mount_setattr: 442,
} as const

const SETGROUPS = process.arch === 'arm64' ? 159 : 116
/** The number of no user and no group: to ask for it changes nothing. */
const NOBODY = 0xffff_ffff
/** The group that owns nothing. */
const NO_GROUP = 65_534
const SIGKILL = 9
const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const CLONE_NEWNET = 0x4000_0000
const O_CLOEXEC = 0o2000000
const O_PATH = 0o10000000
const RESOLVE_IN_ROOT = 0x10n
const CLOSE_RANGE_CLOEXEC = 4
const EBUSY = 16
const SEEK_SET = 0
const SEEK_DATA = 3
const SEEK_HOLE = 4
const LOOP_CTL_GET_FREE = 0x4c82
const LOOP_CONFIGURE = 0x4c0a
const FICLONE = 0x4004_9409
const NS_GET_USERNS = 0xb701
const LO_FLAGS_AUTOCLEAR = 4
/** Offset in `struct loop_config`: two 32-bit words, then `struct loop_info64`. */
const LO_FLAGS_OFFSET = 8 + 52
const LOOP_ATTEMPTS_MAX = 64
const MFD_CLOEXEC = 1
const F_SETFD = 2
const FD_CLOEXEC = 1
const SCHED_OTHER = 0
const SCHED_RR = 2
const SCHED_RESET_ON_FORK = 0x4000_0000
const AT_FDCWD = -100
const AT_EMPTY_PATH = 0x1000
const AT_RECURSIVE = 0x8000
const OPEN_TREE_CLONE = 1
const MOVE_MOUNT_F_EMPTY_PATH = 4
const FSOPEN_CLOEXEC = 1
const FSMOUNT_CLOEXEC = 1
const FSCONFIG_SET_FLAG = 0
const FSCONFIG_SET_STRING = 1
const FSCONFIG_CMD_CREATE = 6
const MOUNT_ATTR_RDONLY = 1
const MOUNT_ATTR_NOSUID = 2
const MOUNT_ATTR_NODEV = 4
const MOUNT_ATTR_NOEXEC = 8
const MOUNT_ATTR_IDMAP = 0x0010_0000n
const MS_BIND = 0x1000
const MS_PRIVATE = 0x4_0000
const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8

/** A call that may take its time, on a thread of koffi's. */
function later<A extends readonly unknown[]>(call: Later<A>, ...args: A): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error, value) => (error ? reject(error) : resolve(value)))
  })
}

interface Later<A extends readonly unknown[]> {
  readonly async: (...args: readonly [...A, (error: Error | null, value: number) => void]) => void
}

interface LibraryCalls {
  readonly syscall: (number: number, ...args: readonly bigint[]) => number
  readonly pipe2: (pair: Int32Array, flags: number) => number
  readonly setns: (fd: number, kind: number) => number
  readonly unshare: (flags: number) => number
  readonly close: (fd: number) => number
  readonly lseek: (fd: number, offset: number, whence: number) => number
  readonly ioctl: (fd: number, request: number, argument: Buffer | null) => number
  readonly ioctlOf: (fd: number, request: number, value: number) => number
  readonly syncfs: Later<readonly [number]>
  readonly copy_file_range: Later<readonly [number, null, number, null, number, number]>
  readonly memfd_create: (name: string, flags: number) => number
  readonly fcntl: (fd: number, command: number, value: number) => number
  readonly mount: (
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ) => number
  readonly umount2: (target: string, flags: number) => number
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly connect: (fd: number, address: Buffer, bytes: number) => number
  readonly getsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: number[]) => number
  readonly setfsuid: (uid: number) => number
  readonly setfsgid: (gid: number) => number
  readonly sched_setscheduler: (pid: number, policy: number, parameters: Int32Array) => number
  readonly openpty: (controller: Int32Array, terminal: Int32Array, name: null, modes: null, size: Uint16Array) => number
}

const library = koffi.load('libc.so.6')
const libc: LibraryCalls = {
  // Variadic in C; integers and pointers travel in the same registers on both architectures.
  syscall: library.func('long syscall(long number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e)'),
  pipe2: library.func('int pipe2(_Out_ int *pair, int flags)'),
  setns: library.func('int setns(int fd, int kind)'),
  unshare: library.func('int unshare(int flags)'),
  close: library.func('int close(int fd)'),
  lseek: library.func('int64_t lseek(int fd, int64_t offset, int whence)'),
  // Variadic in C; a pointer travels alike on both architectures.
  ioctl: library.func('int ioctl(int fd, ulong request, const uint8_t *argument)'),
  ioctlOf: library.func('int ioctl(int fd, ulong request, int64_t value)'),
  syncfs: library.func('int syncfs(int fd)'),
  copy_file_range: library.func(
    'int64_t copy_file_range(int from, void *fromAt, int to, void *toAt, size_t bytes, uint32_t flags)',
  ),
  memfd_create: library.func('int memfd_create(const char *name, uint32_t flags)'),
  fcntl: library.func('int fcntl(int fd, int command, int value)'),
  mount: library.func(
    'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
  ),
  umount2: library.func('int umount2(const char *target, int flags)'),
  socket: library.func('int socket(int domain, int type, int protocol)'),
  connect: library.func('int connect(int fd, const uint8_t *address, uint32_t bytes)'),
  getsockopt: library.func('int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *bytes)'),
  setfsuid: library.func('int setfsuid(uint32_t uid)'),
  setfsgid: library.func('int setfsgid(uint32_t gid)'),
  sched_setscheduler: library.func('int sched_setscheduler(int pid, int policy, const int *parameters)'),
  openpty: library.func(
    'int openpty(_Out_ int *controller, _Out_ int *terminal, void *name, void *modes, const uint16_t *size)',
  ),
}

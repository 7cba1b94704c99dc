/** The system calls of the sensors: the kernel's word on processes and opened files. */
import { fstatSync, readSync, statSync } from 'node:fs'
import process from 'node:process'
import koffi from 'koffi'
import { no, ok, type Result } from '../../../model/result.ts'

/** A process of this host began, became another program, or ended; pids are the host's. */
export type ProcessEvent =
  | { readonly kind: 'fork'; readonly parent: number; readonly child: number }
  | { readonly kind: 'exec'; readonly pid: number }
  /** `signal` is 0 where it ended by itself. */
  | { readonly kind: 'exit'; readonly pid: number; readonly signal: number }
  /** The kernel had more to tell than we had room for. */
  | { readonly kind: 'lost' }

export interface ProcessEvents {
  /** Returns the events since the last look, at most `max`. Never waits. */
  readonly take: (max: number) => readonly ProcessEvent[]
  readonly close: () => void
}

/**
 * The process connector: every fork, exec and exit of the host, as the kernel tells them. Needs root.
 * Linux: Documentation/driver-api/connector.rst, include/uapi/linux/cn_proc.h.
 */
export function openProcessEvents(): Result<ProcessEvents, string> {
  const fd = libc.socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR)
  if (fd < 0) return no(`socket: errno ${koffi.errno()}`)
  const address = Buffer.alloc(12)
  address.writeUInt16LE(AF_NETLINK, 0)
  address.writeUInt32LE(CN_IDX_PROC, 8)
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, new Int32Array([BUFFER_BYTES]), 4)
  if (libc.bind(fd, address, address.length) < 0) return closed(fd, 'bind')
  const listen = listenMessage()
  if (libc.send(fd, listen, listen.length, 0) < 0) return closed(fd, 'send')
  const into = Buffer.alloc(4_096)
  return ok({
    take(max) {
      const events: ProcessEvent[] = []
      while (events.length < max) {
        const length = libc.recv(fd, into, into.length, 0)
        if (length < 0) {
          if (koffi.errno() !== ENOBUFS) break
          events.push({ kind: 'lost' })
          continue
        }
        const event = eventIn(into.subarray(0, length))
        if (event !== undefined) events.push(event)
      }
      return events
    },
    close: () => libc.close(fd),
  })
}

function closed(fd: number, call: string): Result<never, string> {
  const errno = koffi.errno()
  libc.close(fd)
  return no(`${call}: errno ${errno}`)
}

/** nlmsghdr, cn_msg, PROC_CN_MCAST_LISTEN. */
function listenMessage(): Buffer {
  const bytes = Buffer.alloc(NLMSG_BYTES + CN_MSG_BYTES + 4)
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeUInt16LE(NLMSG_DONE, 4)
  bytes.writeUInt32LE(process.pid, 12)
  bytes.writeUInt32LE(CN_IDX_PROC, NLMSG_BYTES)
  bytes.writeUInt32LE(CN_VAL_PROC, NLMSG_BYTES + 4)
  bytes.writeUInt16LE(4, NLMSG_BYTES + 16)
  bytes.writeUInt32LE(PROC_CN_MCAST_LISTEN, NLMSG_BYTES + CN_MSG_BYTES)
  return bytes
}

/** Threads are no processes: nothing is told of them. */
function eventIn(bytes: Buffer): ProcessEvent | undefined {
  if (bytes.length < NLMSG_BYTES + CN_MSG_BYTES + 40) return undefined
  const event = bytes.subarray(NLMSG_BYTES + CN_MSG_BYTES)
  const word = (at: number) => event.readInt32LE(16 + at)
  switch (event.readUInt32LE(0)) {
    case PROC_EVENT_FORK:
      return word(8) === word(12) ? { kind: 'fork', parent: word(4), child: word(12) } : undefined
    case PROC_EVENT_EXEC:
      return { kind: 'exec', pid: word(4) }
    case PROC_EVENT_EXIT:
      return word(0) === word(4) ? { kind: 'exit', pid: word(4), signal: word(8) & 0x7f } : undefined
    default:
      return undefined
  }
}

/** Files that are watched: who opens one is told by its process. */
export interface OpenedFiles {
  readonly watch: (path: string) => Result<string, string>
  /**
   * Returns the openings since the last call, at least `max` of them if there are as many. Never waits. `file` is what
   * `watch` returned.
   */
  readonly take: (max: number) => readonly { readonly file: string; readonly pid: number }[]
  readonly close: () => void
}

/** fanotify(7) by inode: it sees every way to the file, in whatever mount namespace. Needs root. */
export function openOpenedFiles(): Result<OpenedFiles, string> {
  const fd = libc.fanotify_init(FAN_CLOEXEC | FAN_NONBLOCK, O_CLOEXEC)
  if (fd < 0) return no(`fanotify_init: errno ${koffi.errno()}`)
  const into = Buffer.alloc(24 * 128)
  return ok({
    watch(path) {
      if (libc.fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, path) < 0)
        return no(`fanotify_mark ${path}: errno ${koffi.errno()}`)
      const { dev, ino } = statSync(path, { bigint: true })
      return ok(`${dev}:${ino}`)
    },
    take(max) {
      const opened: { file: string; pid: number }[] = []
      while (opened.length < max) {
        const length = readOf(fd, into)
        if (length === 0) break
        for (let at = 0; at + 24 <= length; at += into.readUInt32LE(at)) {
          const [file, pid] = [into.readInt32LE(at + 16), into.readInt32LE(at + 20)]
          if (file < 0) continue
          const { dev, ino } = fstatSync(file, { bigint: true })
          libc.close(file)
          opened.push({ file: `${dev}:${ino}`, pid })
        }
      }
      return opened
    },
    close: () => libc.close(fd),
  })
}

/** Returns how many bytes there were to read; 0 where there is nothing. */
function readOf(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into)
  } catch {
    return 0
  }
}

/** Bytes of the buffer: more than a thousand events that nobody has taken. */
const BUFFER_BYTES = 4_194_304
const AF_NETLINK = 16
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const O_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SO_RCVBUFFORCE = 33
const NETLINK_CONNECTOR = 11
const CN_IDX_PROC = 1
const CN_VAL_PROC = 1
const PROC_CN_MCAST_LISTEN = 1
const NLMSG_DONE = 3
const NLMSG_BYTES = 16
const CN_MSG_BYTES = 20
const PROC_EVENT_FORK = 0x1
const PROC_EVENT_EXEC = 0x2
const PROC_EVENT_EXIT = 0x8000_0000
const ENOBUFS = 105
const FAN_CLOEXEC = 1
const FAN_NONBLOCK = 2
const FAN_MARK_ADD = 1
const FAN_OPEN = 0x20n
const AT_FDCWD = -100

interface LibraryCalls {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly setsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: number) => number
  readonly bind: (fd: number, address: Buffer, bytes: number) => number
  readonly send: (fd: number, bytes: Buffer, length: number, flags: number) => number
  readonly recv: (fd: number, bytes: Buffer, length: number, flags: number) => number
  readonly close: (fd: number) => number
  readonly fanotify_init: (flags: number, eventFlags: number) => number
  readonly fanotify_mark: (fd: number, flags: number, mask: bigint, directory: number, path: string) => number
}

const library = koffi.load('libc.so.6')
const libc: LibraryCalls = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  setsockopt: library.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t bytes)'),
  bind: library.func('int bind(int fd, const uint8_t *address, uint32_t bytes)'),
  send: library.func('int64_t send(int fd, const uint8_t *bytes, uint64_t length, int flags)'),
  recv: library.func('int64_t recv(int fd, uint8_t *bytes, uint64_t length, int flags)'),
  close: library.func('int close(int fd)'),
  fanotify_init: library.func('int fanotify_init(uint flags, uint eventFlags)'),
  fanotify_mark: library.func('int fanotify_mark(int fd, uint flags, uint64_t mask, int directory, const char *path)'),
}

/** Every interface of the kernel that has led out of a container, called once. x86-64 numbers. */
import { openSync } from 'node:fs'
import koffi from 'koffi'
import { report, sys, tried } from './raw.ts'

const SIGCHLD = 17n
const buffer = Buffer.alloc(256)
const perf = Buffer.alloc(128)
perf.writeUInt32LE(1, 0)
perf.writeUInt32LE(128, 4)
// exclude_kernel and exclude_hv: what an unprivileged user is allowed to count.
perf.writeBigUInt64LE(0b1100000n, 40)
const ring = Buffer.alloc(120)
const cloneArgs = Buffer.alloc(88)

/** A clone that succeeds returns twice: the child leaves at once, before any JavaScript of it runs twice. */
function cloned(flags: bigint): number {
  const pid = sys(56, flags | SIGCHLD, 0, 0, 0, 0)
  if (pid === 0) sys(231, 0)
  return pid
}

/** A page of anonymous memory of its own, as an address. */
function page(): bigint {
  return libcMmap(0n, 4096n, 3, 0x22, -1, 0n)
}

const libcMmap: (...args: readonly (bigint | number)[]) => bigint = koffi
  .load('libc.so.6')
  .func('uint64_t mmap(uint64_t at, uint64_t length, int protection, int flags, int fd, int64_t offset)')

function coreLimit(): string | false {
  const limit = Buffer.alloc(16)
  return sys(302, 0, 4, 0, limit) === 0 && [limit.readBigUInt64LE(0), limit.readBigUInt64LE(8)].join(' ')
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function option(family: number, type: number, level: number, name: number, value: Buffer): number {
  return sys(54, sys(41, family, type, 0), level, name, value, value.length)
}

function asked(family: number, type: number, level: number, name: number): number {
  const value = Buffer.alloc(4)
  sys(55, sys(41, family, type, 0), level, name, value, int(4))
  return value.readInt32LE(0)
}

/** struct ipv6_mreq on the first interface. */
function group6(): Buffer {
  return Buffer.concat([Buffer.from('ff020000000000000000000000001234', 'hex'), int(1)])
}

/** What rtnetlink answers to one message: the number in its NLMSG_ERROR. netlink(7) */
function routed(message: Buffer): number {
  const fd = sys(41, 16, 3, 0)
  sys(44, fd, message, message.length, 0, 0, 0)
  const answer = Buffer.alloc(4_096)
  sys(45, fd, answer, answer.length, 0x40, 0, 0)
  return answer.readInt32LE(16)
}

/** RTM_NEWLINK of the first interface; flags and the mask of what changes. */
function changeLink(mask: number, flags: number): Buffer {
  const body = Buffer.alloc(16)
  body.writeInt32LE(1, 4)
  body.writeUInt32LE(flags, 8)
  body.writeUInt32LE(mask, 12)
  return request(16, body)
}

/** RTM_NEWADDR: 10.0.0.1 for the first interface. */
function newAddress(): Buffer {
  const body = Buffer.from([2, 24, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 10, 0, 0, 1])
  return request(20, body)
}

/** NLM_F_REQUEST and NLM_F_ACK. */
function request(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(5, 6)
  return Buffer.concat([header, body])
}

const attempts: Record<string, () => unknown> = {
  'unshare user': () => sys(272, 0x1000_0000),
  'unshare network': () => sys(272, 0x4000_0000),
  'unshare nothing': () => sys(272, 0),
  'clone new user': () => cloned(0x1000_0000n),
  'clone new mount': () => cloned(0x0002_0000n),
  'clone new network': () => cloned(0x4000_0000n),
  'clone new pid': () => cloned(0x2000_0000n),
  'clone new user, high bits': () => cloned(0x1_1000_0000n),
  clone3: () => sys(435, cloneArgs, 88),
  'setns network of pid 1': () => sys(308, openSync('/proc/self/ns/net', 'r'), 0),
  mount: () => sys(165, 'none', '/tmp', 'tmpfs', 0, 0),
  'mount over procfs': () => sys(165, '/tmp', '/proc', 0, 0x1000, 0),
  umount: () => sys(166, '/usr', 2),
  pivot_root: () => sys(155, '/tmp', '/tmp'),
  chroot: () => sys(161, '/tmp'),
  fsopen: () => sys(430, 'tmpfs', 0),
  open_tree: () => sys(428, -100, '/', 1),
  move_mount: () => sys(429, -100, '/tmp', -100, '/tmp', 0),
  fspick: () => sys(433, -100, '/', 0),
  mount_setattr: () => sys(442, -100, '/usr', 0, buffer, 32),
  'ptrace traceme': () => sys(101, 0, 0, 0, 0),
  'ptrace attach 1': () => sys(101, 16, 1, 0, 0),
  process_vm_readv: () => sys(310, 1, buffer, 1, buffer, 1, 0),
  process_vm_writev: () => sys(311, 1, buffer, 1, buffer, 1, 0),
  kcmp: () => sys(312, 1, 1, 0, 0, 0),
  pidfd_getfd: () => sys(438, 3, 0, 0),
  bpf: () => sys(321, 0, buffer, 128),
  perf_event_open: () => sys(298, perf, 0, -1, -1, 0),
  userfaultfd: () => sys(323, 1),
  io_uring_setup: () => sys(425, 4, ring),
  io_setup: () => sys(206, 4, Buffer.alloc(8)),
  keyctl: () => sys(250, 0, -3, 0),
  add_key: () => sys(248, 'user', 'x', 'y', 1, -2),
  request_key: () => sys(249, 'user', 'x', 0, 0),
  init_module: () => sys(175, buffer, 8, ''),
  finit_module: () => sys(313, 0, '', 0),
  delete_module: () => sys(176, 'x', 0),
  kexec_load: () => sys(246, 0, 0, 0, 0),
  reboot: () => sys(169, 0xfee1_dead, 672274793, 0, 0),
  swapon: () => sys(167, '/tmp', 0),
  open_by_handle_at: () => sys(304, 3, buffer, 0),
  name_to_handle_at: () => sys(303, -100, '/', buffer, buffer, 0),
  fanotify_init: () => sys(300, 0, 0),
  syslog: () => sys(103, 3, buffer, 128),
  sethostname: () => sys(170, 'x', 1),
  settimeofday: () => sys(164, buffer, 0),
  clock_settime: () => sys(227, 0, buffer),
  iopl: () => sys(172, 3),
  modify_ldt: () => sys(154, 0, buffer, 16),
  acct: () => sys(163, 0),
  quotactl: () => sys(179, 0, 0, 0, 0),
  vmsplice: () => sys(278, 1, buffer, 0, 0),
  memfd_secret: () => sys(447, 0),
  personality: () => sys(135, 0x0040_0000),
  'personality asked': () => sys(135, 0xffff_ffff) >= 0,
  mbind: () => sys(237, 0, 0, 0, 0, 0, 0),
  'socket netlink': () => sys(41, 16, 3, 12),
  'socket netlink events': () => sys(41, 16, 3, 15),
  'socket netlink generic': () => sys(41, 16, 3, 16),
  'socket netlink audit': () => sys(41, 16, 3, 9),
  'socket netlink, stream': () => sys(41, 16, 1, 0),
  'socket netlink, high bits': () => sys(41, 0x1_0000_0010n, 3, 0x1_0000_000cn),
  'socket packet': () => sys(41, 17, 3, 0),
  'socket vsock': () => sys(41, 40, 1, 0),
  'socket alg': () => sys(41, 38, 5, 0),
  'socket key': () => sys(41, 15, 3, 2),
  'socket xdp': () => sys(41, 44, 3, 0),
  'socket bluetooth': () => sys(41, 31, 3, 0),
  'socket raw inet': () => sys(41, 2, 3, 1),
  'socket raw inet6': () => sys(41, 10, 3, 58),
  'socket sctp': () => sys(41, 2, 1, 132),
  'socket mptcp': () => sys(41, 2, 1, 262),
  'socket tcp': () => sys(41, 2, 1, 0) > 0,
  'socket unix': () => sys(41, 1, 1, 0) > 0,
  'socket unix, raw': () => sys(41, 1, 3, 0) > 0,
  'socket netlink route': () => sys(41, 16, 3, 0) > 0,
  'down with the loopback': () => routed(changeLink(1, 0)),
  'another address': () => routed(newAddress()),
  'join a group': () => option(2, 2, 0, 35, Buffer.from([224, 1, 2, 3, 127, 0, 0, 1])),
  'join a group, version 6': () => option(10, 2, 41, 20, group6()),
  'keys of a connection': () => option(2, 1, 6, 14, Buffer.alloc(216)),
  'send without a copy': () => option(2, 1, 1, 60, int(1)),
  'time stamps': () => option(2, 2, 1, 37, int(2)),
  'errors are queued': () => option(2, 2, 0, 11, int(1)) === 0 && asked(2, 2, 0, 11),
  'all flags of a file in memory': () => sys(319, 'x', 0xffff_ffff),
  'a placement in memory': () => sys(239, 0, 0, 0, 0, 0),
  'mknod memory': () => sys(133, '/tmp/mem', 0o20600, 0x101),
  'mknodat disk': () => sys(259, -100, '/tmp/disk', 0o60600, 0xfe00),
  'chmod setuid': () => tried(() => sys(90, '/tmp', 0o4755)),
  'prctl set mm': () => sys(157, 35, 1, 0, 0, 0),
  'prctl memory merge': () => sys(157, 67, 1, 0, 0, 0),
  'lower the core limit': () => `${sys(160, 4, Buffer.alloc(16))}, ${coreLimit()}`,
  'lower the core limit, prlimit': () => `${sys(302, 0, 4, Buffer.alloc(16), 0)}, ${coreLimit()}`,
  'read the core limit': () => coreLimit(),
  // -12 also where a host has set none aside: what the control asks is the flag of a file.
  'huge pages': () => sys(9, 0, 2 << 20, 3, 0x4_0022, -1, 0),
  'huge pages, as a file': () => sys(319, 'x', 0x4),
  'huge pages, shared': () => sys(29, 0, 2 << 20, 0o6600),
  'ordinary pages': () => sys(319, 'x', 0) >= 0,
  'merge pages': () => sys(28, page(), 4096, 12),
  'an urgent byte': () => {
    const pair = new Int32Array(2)
    return sys(53, 1, 1, 0, Buffer.from(pair.buffer)) === 0 && sys(44, pair[0] ?? -1, 'x', 1, 1, 0, 0)
  },
  // Numbers that no line of the table names: a gap of x86-64, and what later kernels add.
  'numbers without a name': () => {
    const numbers = [...Array(80).keys()].flatMap((n) => [n + 337, n + 480])
    return [...new Set(numbers.map((number) => sys(number, -1, -1, -1, -1, -1, -1)))].join(' ')
  },
  'a number from the future': () => sys(499),
}

const only = process.argv[2]
const results: Record<string, unknown> = {}
for (const [name, attempt] of Object.entries(attempts)) {
  if (only === undefined || only === name) results[name] = attempt()
}
report(results)

/**
 * The sockets by which a cell's bytes come in, and the route that makes every address lead to them. All of it acts in the
 * network namespace of the calling thread, at once, and returns its value or the errno; nothing here decides.
 * ip(7), tcp(7), udp(7), rtnetlink(7)
 */
import koffi from 'koffi'
import { no, ok, type Result } from '../../model/result.ts'
import type { SystemFault } from './libc.ts'

/**
 * Returns a TCP socket that listens on `port` of 127.0.0.1, or of another address of loopback, close-on-exec and
 * non-blocking. IP_FREEBIND, because the cell may
 * not have brought its loopback up yet.
 */
export function listenLoopback(port: number, backlog: number, host: Host = LOOPBACK): Result<number, SystemFault> {
  return listening(host, port, backlog)
}

/** Returns a TCP socket that listens on `port` of every address, close-on-exec and non-blocking. */
export function listenAnywhere(port: number, backlog: number): Result<number, SystemFault> {
  return listening(ANY, port, backlog)
}

/**
 * Returns a UDP socket that receives what is sent to `port` of every address, close-on-exec and non-blocking. Without
 * SO_REUSEADDR: two sockets that both have it share a port. socket(7)
 */
export function receiveAnywhere(port: number): Result<number, SystemFault> {
  return receiving(ANY, port)
}

/** Returns a UDP socket that receives what is sent to 127.0.0.1:`port`, as `receiveAnywhere` does. */
export function receiveLoopback(port: number): Result<number, SystemFault> {
  return receiving(LOOPBACK, port)
}

/**
 * Makes every IPv4 address one of the namespace's own: what is sent to it goes back up the loopback interface. That has
 * `OWN_ADDRESS` then, too. Done once or more often alike. It takes CAP_NET_ADMIN over the namespace.
 */
export function makeEveryAddressLocal(): Result<void, SystemFault> {
  const socket = returned('socket', libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE))
  if (!socket.ok) return socket
  try {
    const routed = change(socket.value, 'RTM_NEWROUTE', everyAddressRoute())
    return routed.ok ? change(socket.value, 'RTM_NEWADDR', ownAddress()) : routed
  } finally {
    libc.close(socket.value)
  }
}

/**
 * The address of a cell's loopback interface beside 127.0.0.1, of a block that is nobody's (RFC 2544). Where the C library
 * finds no other, a program that asks it for IPv4 addresses only, and only if it has one, is told that no name exists.
 * getaddrinfo(3), AI_ADDRCONFIG
 */
export const OWN_ADDRESS: Host = [198, 18, 0, 1]

/** Asks the kernel for a change; one that was made before is none. */
function change(fd: number, what: string, request: Buffer): Result<void, SystemFault> {
  const sent = returned('send', libc.send(fd, request, request.length, 0))
  if (!sent.ok) return sent
  // The kernel has put its answer there before that call returned: `struct nlmsgerr`, the negative errno first.
  const answer = Buffer.alloc(ANSWER_BYTES)
  const received = returned('recv', libc.recv(fd, answer, answer.length, MSG_DONTWAIT))
  if (!received.ok) return received
  if (received.value < NLMSG_HEADER_BYTES + 4 || answer.readUInt16LE(4) !== NLMSG_ERROR)
    return no({ call: what, errno: EPROTO })
  const errno = -answer.readInt32LE(NLMSG_HEADER_BYTES)
  return errno === 0 || errno === EEXIST ? ok(undefined) : no({ call: what, errno })
}

/** `ip route add local 0.0.0.0/0 dev lo`: a `struct rtmsg` and one attribute. */
function everyAddressRoute(): Buffer {
  // Destination, source and type of service are 0: every one.
  const route = [AF_INET, 0, 0, 0, RT_TABLE_LOCAL, RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL, 0, 0, 0, 0]
  return request(RTM_NEWROUTE, [...route, ...attribute(RTA_OIF, [LOOPBACK_INDEX, 0, 0, 0])])
}

/** `ip address add 198.18.0.1/32 dev lo scope host`: a `struct ifaddrmsg` and two attributes. */
function ownAddress(): Buffer {
  const on = [AF_INET, 32, 0, RT_SCOPE_HOST, LOOPBACK_INDEX, 0, 0, 0]
  return request(RTM_NEWADDR, [...on, ...attribute(IFA_LOCAL, OWN_ADDRESS), ...attribute(IFA_ADDRESS, OWN_ADDRESS)])
}

/** A `struct nlmsghdr` before its body. */
function request(type: number, body: readonly number[]): Buffer {
  const header = Buffer.alloc(NLMSG_HEADER_BYTES)
  header.writeUInt32LE(NLMSG_HEADER_BYTES + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE, 6)
  return Buffer.from([...header, ...body])
}

/** A `struct rtattr` of four bytes. */
function attribute(type: number, value: Host): readonly number[] {
  return [8, 0, type, 0, ...value]
}

function listening(host: Host, port: number, backlog: number): Result<number, SystemFault> {
  return made(SOCK_STREAM, [
    ['setsockopt', (fd) => libc.setsockopt(fd, IPPROTO_IP, IP_FREEBIND, ONE, 4)],
    // What an ended gateway's connections leave behind does not keep the next listener out; one that listens does. socket(7)
    ['setsockopt', (fd) => libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ONE, 4)],
    ['bind', (fd) => libc.bind(fd, address(host, port), ADDRESS_BYTES)],
    ['listen', (fd) => libc.listen(fd, backlog)],
  ])
}

function receiving(host: Host, port: number): Result<number, SystemFault> {
  return made(SOCK_DGRAM, [['bind', (fd) => libc.bind(fd, address(host, port), ADDRESS_BYTES)]])
}

/** Makes an IPv4 socket and takes these steps with it; closes it where one of them fails. */
function made(
  type: number,
  steps: readonly (readonly [call: string, step: (fd: number) => number])[],
): Result<number, SystemFault> {
  const socket = returned('socket', libc.socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
  if (!socket.ok) return socket
  for (const [call, step] of steps) {
    const done = returned(call, step(socket.value))
    if (!done.ok) {
      libc.close(socket.value)
      return done
    }
  }
  return socket
}

/** `struct sockaddr_in`. */
function address(host: Host, port: number): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES)
  bytes.writeUInt16LE(AF_INET, 0)
  bytes.writeUInt16BE(port, 2)
  bytes.set(host, 4)
  return bytes
}

/** Must be the next thing after the call: errno is the thread's. */
function returned(call: string, value: number): Result<number, SystemFault> {
  return value < 0 ? no({ call, errno: koffi.errno() }) : ok(value)
}

type Host = readonly [number, number, number, number]

const LOOPBACK: Host = [127, 0, 0, 1]
const ANY: Host = [0, 0, 0, 0]
const ADDRESS_BYTES = 16
const ONE = new Int32Array([1])
const AF_INET = 2
const AF_NETLINK = 16
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_RAW = 3
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const IPPROTO_IP = 0
const IP_FREEBIND = 15
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const MSG_DONTWAIT = 0x40
const EEXIST = 17
const EPROTO = 71

const NETLINK_ROUTE = 0
const NLMSG_HEADER_BYTES = 16
const NLMSG_ERROR = 2
const NLM_F_REQUEST = 0x1
const NLM_F_ACK = 0x4
const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400
const RTM_NEWADDR = 20
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const RTM_NEWROUTE = 24
const RT_TABLE_LOCAL = 255
const RTPROT_BOOT = 3
const RT_SCOPE_HOST = 254
const RTN_LOCAL = 2
const RTA_OIF = 4
/** The index of the loopback interface, which every network namespace makes first. */
const LOOPBACK_INDEX = 1
/** A `struct nlmsgerr` with the request that it is about, and room for words of the kernel's. */
const ANSWER_BYTES = 512

interface NetworkCalls {
  readonly socket: (domain: number, type: number, protocol: number) => number
  readonly setsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: number) => number
  readonly bind: (fd: number, address: Buffer, bytes: number) => number
  readonly listen: (fd: number, backlog: number) => number
  readonly send: (fd: number, message: Buffer, bytes: number, flags: number) => number
  readonly recv: (fd: number, message: Buffer, bytes: number, flags: number) => number
  readonly close: (fd: number) => number
}

const library = koffi.load('libc.so.6')
const libc: NetworkCalls = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  setsockopt: library.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t bytes)'),
  bind: library.func('int bind(int fd, const uint8_t *address, uint32_t bytes)'),
  listen: library.func('int listen(int fd, int backlog)'),
  send: library.func('int64_t send(int fd, const uint8_t *message, size_t bytes, int flags)'),
  recv: library.func('int64_t recv(int fd, _Out_ uint8_t *message, size_t bytes, int flags)'),
  close: library.func('int close(int fd)'),
}

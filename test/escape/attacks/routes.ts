/** Tries to change the network of its cell, and to take the ports that its gateway holds. */
import { connect } from 'node:net'
import process from 'node:process'
import { report, sys } from './raw.ts'

const [SOCKET = 0, SENDTO = 0, RECVFROM = 0, SETSOCKOPT = 0, BIND = 0, UNSHARE = 0] =
  process.arch === 'arm64' ? [198, 206, 207, 208, 200, 97] : [41, 44, 45, 54, 49, 272]
const [AF_INET, AF_NETLINK, AF_PACKET] = [2, 16, 17]
const [STREAM, DGRAM, RAW] = [1, 2, 3]

/** The kernel's answer to one request of rtnetlink(7): 0, or the negative errno. */
function asked(type: number, flags: number, body: readonly number[]): number {
  const fd = sys(SOCKET, AF_NETLINK, RAW, 0)
  if (fd < 0) return fd
  const request = Buffer.alloc(16 + body.length)
  request.writeUInt32LE(request.length, 0)
  request.writeUInt16LE(type, 4)
  request.writeUInt16LE(1 | 4 | flags, 6)
  request.set(body, 16)
  const sent = sys(SENDTO, fd, request, request.length, 0, 0, 0)
  if (sent < 0) return sent
  const answer = Buffer.alloc(1_024)
  const received = sys(RECVFROM, fd, answer, answer.length, 0x40, 0, 0)
  return received < 0 ? received : answer.readInt32LE(16)
}

const [CREATE, EXCL, REPLACE] = [0x400, 0x200, 0x100]
/** `struct rtmsg` of a route by lo: table, scope, type, and a prefix. */
const route = (table: number, scope: number, type: number, prefix: readonly number[] = []): readonly number[] => [
  ...[AF_INET, prefix.length * 8, 0, 0, table, 3, scope, type, 0, 0, 0, 0],
  ...[8, 0, 4, 0, 1, 0, 0, 0],
  ...(prefix.length === 4 ? [8, 0, 1, 0, ...prefix] : []),
]
const ADDRESS = [AF_INET, 32, 0, 0, 1, 0, 0, 0, 8, 0, 1, 0, 192, 0, 2, 1, 8, 0, 2, 0, 192, 0, 2, 1]
/** `struct ifinfomsg` of lo that takes it down, and one of a new dummy device. */
const DOWN = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
const DUMMY = [
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[16, 0, 18, 0, 10, 0, 1, 0, 100, 117, 109, 109, 121, 0, 0, 0],
]
/** `struct fib_rule_hdr` that sends all to another table. */
const RULE = [AF_INET, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0]

function set(type: number, level: number, name: number): number {
  const fd = sys(SOCKET, AF_INET, type, 0)
  return fd < 0 ? fd : sys(SETSOCKOPT, fd, level, name, Buffer.from([1, 0, 0, 0]), 4)
}

/** Binds with every option that shares a port; -13 is EACCES, -98 is EADDRINUSE. */
function taken(type: number, host: readonly number[], port: number): number {
  const fd = sys(SOCKET, AF_INET, type, 0)
  for (const name of [2, 15]) sys(SETSOCKOPT, fd, 1, name, Buffer.from([1, 0, 0, 0]), 4)
  const address = Buffer.alloc(16)
  address.writeUInt16LE(AF_INET, 0)
  address.writeUInt16BE(port, 2)
  address.set(host, 4)
  return sys(BIND, fd, address, 16)
}

const results = {
  'netlink: the route away': asked(25, 0, route(255, 254, 2)),
  'netlink: another in its place': asked(24, CREATE | REPLACE, route(255, 254, 2)),
  'netlink: one address of it elsewhere': asked(24, CREATE | EXCL, route(255, 254, 7, [1, 1, 1, 1])),
  'netlink: a way out': asked(24, CREATE | EXCL, route(254, 253, 1, [9, 9, 9, 9])),
  'netlink: an address': asked(20, CREATE | EXCL, ADDRESS),
  'netlink: lo down': asked(16, 0, DOWN),
  'netlink: a device': asked(16, CREATE | EXCL, DUMMY),
  'netlink: a rule': asked(32, CREATE | EXCL, RULE),
  'a mark': set(STREAM, 1, 36),
  transparent: set(STREAM, 0, 19),
  'unshare network': sys(UNSHARE, 0x4000_0000),
  'raw socket': sys(SOCKET, AF_INET, RAW, 255),
  'packet socket': sys(SOCKET, AF_PACKET, RAW, 0x300),
  'bind tcp 443 of all': taken(STREAM, [0, 0, 0, 0], 443),
  'bind tcp 443 of one': taken(STREAM, [1, 1, 1, 1], 443),
  'bind udp 53 of one': taken(DGRAM, [8, 8, 8, 8], 53),
  'bind tcp 5432 of all': taken(STREAM, [0, 0, 0, 0], 5_432),
  'bind tcp 5432 of one': taken(STREAM, [10, 0, 0, 1], 5_432),
}

const afterwards = await new Promise<string>((resolve) => {
  const socket = connect(443, '1.1.1.1').on('error', (error) => resolve(String(error)))
  socket.on('data', (chunk) => resolve(String(chunk).split(' of ')[0] ?? ''))
})
report({ ...results, afterwards })

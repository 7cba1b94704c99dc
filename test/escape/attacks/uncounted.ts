/** Takes of the kernel what no cgroup counts, a kind at a time. argv: kind, how many, and of connections where to. */
import { openSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import process from 'node:process'
import { sys } from './raw.ts'

const [SOCKET = 0, SENDTO = 0, SETSOCKOPT = 0, FCNTL = 0, CONNECT = 0, BIND = 0, LISTEN = 0, ACCEPT = 0, CLOSE = 0] =
  process.arch === 'arm64' ? [198, 206, 208, 25, 203, 200, 201, 202, 57] : [41, 44, 54, 72, 42, 49, 50, 43, 3]
const [F_SETLK, F_OFD_SETLK] = [6, 37]
const kind = process.argv[2] ?? ''
const many = Number(process.argv[3])

/** Every second byte, so that none is merged with its neighbour; 1,000 of a file. fcntl(2) */
function lock(command: number): number {
  let held = 0
  while (held < many) {
    const fd = openSync(`/tmp/locked-${process.pid}-${held}`, 'w+')
    for (let at = 0; at < 1_000 && held < many; at++, held++) {
      const range = Buffer.alloc(32)
      range.writeInt16LE(1, 0)
      range.writeBigInt64LE(BigInt(2 * at), 8)
      range.writeBigInt64LE(1n, 16)
      if (sys(FCNTL, fd, command, range) < 0) return held
    }
  }
  return held
}

/** Asks for an interface again and again, and reads no answer. rtnetlink(7) */
function ask(): number {
  const question = Buffer.alloc(32)
  question.writeUInt32LE(32, 0)
  question.writeUInt16LE(18, 4)
  question.writeUInt16LE(1, 6)
  question.writeInt32LE(1, 20)
  const room = Buffer.alloc(4)
  room.writeInt32LE(1 << 20)
  for (let made = 0; made < many; made++) {
    const fd = sys(SOCKET, 16, 3, 0)
    if (fd < 0) return made
    sys(SETSOCKOPT, fd, 1, 8, room, 4)
    for (let asked = 0; asked < 200; asked++) if (sys(SENDTO, fd, question, 32, 0x40, 0, 0) < 0) break
  }
  return many
}

/** Listens with as large a buffer as it gets, dials itself, fills what it has dialled, and accepts nothing. */
function dialItself(): number {
  const address = process.argv[4] ?? ''
  const family = address === '::1' ? 10 : 2
  const listener = sys(SOCKET, family, 1, 0)
  sys(SETSOCKOPT, listener, 1, 8, Buffer.from([0, 0, 0, 0x40]), 4)
  sys(BIND, listener, ...placeOf(address === '::1' ? '::' : '0.0.0.0'))
  sys(LISTEN, listener, 4_096)
  const piece = Buffer.alloc(1 << 20)
  for (let made = 0; made < many; made++) {
    const fd = sys(SOCKET, family, 1, 0)
    if (sys(CONNECT, fd, ...placeOf(address)) < 0) return made
    // Without waiting: until it is full.
    while (sys(SENDTO, fd, piece, piece.length, 0x40, 0, 0) > 0);
  }
  return many
}

/** Returns a listener on a port of every IPv4 address. */
function listenAt(port: number): number {
  const listener = sys(SOCKET, 2, 1, 0)
  sys(BIND, listener, ...placeOf('0.0.0.0', port))
  sys(LISTEN, listener, 4_096)
  return listener
}

/** Dials itself and closes both ends, or leaves the far one to nobody: on as many ports as one has no room for. */
function closeAll(accepts: boolean): number {
  for (let made = 0; made < many; ) {
    const port = 9_000 + Math.floor(made / 4_000)
    const listener = listenAt(port)
    for (let each = 0; each < 4_000 && made < many; each++, made++) {
      const fd = sys(SOCKET, 2, 1, 0)
      if (sys(CONNECT, fd, ...placeOf('127.0.0.1', port)) < 0) return made
      const far = accepts ? sys(ACCEPT, listener, 0, 0) : -1
      sys(CLOSE, fd)
      if (accepts) sys(CLOSE, far)
    }
  }
  return many
}

/** A `struct sockaddr_in`, or `sockaddr_in6` of `::` or `::1`, and its length. */
function placeOf(host: string, port = 9_000): readonly [Buffer, number] {
  const place = Buffer.alloc(host.includes(':') ? 28 : 16)
  place.set([host.includes(':') ? 10 : 2, 0, port >> 8, port & 0xff])
  if (host.includes(':')) place[23] = host === '::1' ? 1 : 0
  else place.set(host.split('.').map(Number), 4)
  return [place, place.length]
}

/** Sends as much as `dialItself`, to a server that reads it. */
async function serveItself(): Promise<number> {
  let read = 0
  const server = createServer((socket) => socket.on('end', () => read++).resume())
  await new Promise<void>((resolve) => server.listen(9_000, resolve))
  for (let made = 0; made < many; made++)
    await new Promise((resolve) =>
      connect(9_000, process.argv[4])
        .end(Buffer.alloc(1 << 20))
        .on('close', resolve),
    )
  return read
}

function hoard(): number {
  for (let made = 0; made < many; made++) openSync('/dev/null', 'r')
  return many
}

const KINDS: Readonly<Record<string, () => number | Promise<number>>> = {
  locks: () => lock(F_SETLK),
  'open-file locks': () => lock(F_OFD_SETLK),
  asks: ask,
  unaccepted: dialItself,
  accepted: serveItself,
  closed: () => closeAll(true),
  'closed unaccepted': () => closeAll(false),
}
const made = await (KINDS[kind] ?? hoard)()
process.stdout.write(`${JSON.stringify({ made })}\n`)
if (kind === 'accepted') process.exit(0)
setTimeout(() => undefined, 60_000)

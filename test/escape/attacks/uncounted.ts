/** Takes of the kernel what no cgroup counts, a kind at a time. argv: kind, how many. */
import { openSync } from 'node:fs'
import process from 'node:process'
import { sys } from './raw.ts'

const [SOCKET = 0, SENDTO = 0, SETSOCKOPT = 0, FCNTL = 0] =
  process.arch === 'arm64' ? [198, 206, 208, 25] : [41, 44, 54, 72]
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

function hoard(): number {
  for (let made = 0; made < many; made++) openSync('/dev/null', 'r')
  return many
}

const made =
  kind === 'locks' ? lock(F_SETLK) : kind === 'open-file locks' ? lock(F_OFD_SETLK) : kind === 'asks' ? ask() : hoard()
process.stdout.write(`${JSON.stringify({ made })}\n`)
setTimeout(() => undefined, 60_000)

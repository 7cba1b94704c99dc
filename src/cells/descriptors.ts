/**
 * Passes open descriptors between two processes over a SOCK_SEQPACKET pair: how a listener made by the warden reaches
 * the gateway. One message is one packet, so a reader never sees half of one.
 *
 * Both ends are here, and this file imports nothing else of the room: the gateway loads it without loading the warden.
 * unix(7), cmsg(3), recvmsg(2).
 */
import { closeSync } from 'node:fs'
import koffi from 'koffi'
import { no, ok, type Result } from '../model/result.ts'

/** A launch message names one cell and its listeners: a few hundred bytes; 64 KiB leaves room for a receipt. */
export const CHANNEL_MESSAGE_BYTES_MAX = 65_536
/**
 * Descriptors of one message: all the sockets that one cell may have (16 on its loopback, 16 for every address) and three
 * standard streams. The kernel's own limit is 253.
 */
export const CHANNEL_DESCRIPTORS_MAX = 35

export interface ChannelEnds {
  readonly near: number
  readonly far: number
}

/** A fresh pair, both ends close-on-exec; the caller owns both and passes `far` to the process it spawns. */
export function openChannel(): Result<ChannelEnds, ChannelFault> {
  return openPair(SOCK_SEQPACKET)
}

/** A connected stream between two processes that we start: neither end is ours to use. */
export function openStreamPair(): Result<ChannelEnds, ChannelFault> {
  return openPair(SOCK_STREAM)
}

function openPair(type: number): Result<ChannelEnds, ChannelFault> {
  const pair = new Int32Array(2)
  if (libc.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0) return no(failure('open'))
  const [near = -1, far = -1] = pair
  return ok({ near, far })
}

export type ChannelFault =
  | { readonly kind: 'too-large'; readonly bytes: number; readonly descriptors: number }
  /** The reader does not keep up: its socket buffer is full. Nothing was sent. */
  | { readonly kind: 'full' }
  /** The other end is gone. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly step: 'open' | 'send' | 'receive'; readonly errno: number }

/**
 * Sends one message with its descriptors, or nothing at all. Never blocks: a gateway that hangs must not hang the
 * warden. The caller keeps its own copies and closes them.
 */
export function sendDescriptors(
  channelFd: number,
  message: Uint8Array,
  fds: readonly number[],
): Result<void, ChannelFault> {
  if (message.length === 0 || message.length > CHANNEL_MESSAGE_BYTES_MAX || fds.length > CHANNEL_DESCRIPTORS_MAX) {
    return no({ kind: 'too-large', bytes: message.length, descriptors: fds.length })
  }
  const data = Buffer.from(message)
  const control = Buffer.alloc(fds.length === 0 ? 0 : controlSpace(fds.length))
  if (fds.length > 0) {
    control.writeBigUInt64LE(BigInt(CONTROL_HEADER_BYTES + 4 * fds.length), 0)
    control.writeInt32LE(SOL_SOCKET, 8)
    control.writeInt32LE(SCM_RIGHTS, 12)
    for (const [i, fd] of fds.entries()) control.writeInt32LE(fd, CONTROL_HEADER_BYTES + 4 * i)
  }
  const { header, vector } = messageHeader(data, control)
  const sent = libc.sendmsg(channelFd, header, MSG_DONTWAIT | MSG_NOSIGNAL)
  const errno = koffi.errno()
  keepAlive(data, control, vector)
  if (sent === message.length) return ok(undefined)
  if (errno === EAGAIN || errno === ENOBUFS) return no({ kind: 'full' })
  if (errno === EPIPE || errno === ECONNRESET) return no({ kind: 'closed' })
  return no({ kind: 'failed', step: 'send', errno })
}

/** One descriptor: the usual case, a cell's listener. */
export function sendDescriptor(channelFd: number, message: Uint8Array, fd: number): Result<void, ChannelFault> {
  return sendDescriptors(channelFd, message, [fd])
}

export interface Received {
  readonly message: Uint8Array
  /** Close-on-exec, owned by the receiver from here on. */
  readonly fds: readonly number[]
}

export interface Receiver {
  /** Stops listening and closes the channel's descriptor. */
  close(): void
  /** Lets the process end although the channel is open. */
  unref(): void
}

/**
 * Calls `onMessage` for each message until the other end closes (`onEnd` without a fault) or breaks the protocol
 * (`onEnd` with one). A truncated message or a lost descriptor ends the channel: half of a launch is never acted on.
 * Takes ownership of `channelFd`.
 */
export function receiveDescriptors(
  channelFd: number,
  onMessage: (received: Received) => void,
  onEnd: (fault?: ChannelFault) => void,
): Receiver {
  const poll = koffi.node.poll(channelFd, { readable: true, disconnect: true }, () => drain())
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    poll.close()
    // libuv forgets the descriptor when the handle has closed, one turn later; a reuse of its number in between would
    // be polled in our name.
    setImmediate(() => closeSync(channelFd))
  }
  const drain = (): void => {
    while (open) {
      const received = receiveOne(channelFd)
      if (received === 'later') return
      if (!received.ok) {
        close()
        onEnd(received.reason.kind === 'closed' ? undefined : received.reason)
        return
      }
      onMessage(received.value)
    }
  }
  return { close, unref: () => poll.unref() }
}

/** Takes one message if there is one. Exported for readers that own their loop. */
export function receiveOne(channelFd: number): Result<Received, ChannelFault> | 'later' {
  const data = Buffer.alloc(CHANNEL_MESSAGE_BYTES_MAX)
  const control = Buffer.alloc(controlSpace(CHANNEL_DESCRIPTORS_MAX))
  const { header, vector } = messageHeader(data, control)
  const count = libc.recvmsg(channelFd, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
  const errno = koffi.errno()
  keepAlive(data, control, vector)
  if (count < 0) {
    if (errno === EAGAIN) return 'later'
    if (errno === ECONNRESET) return no({ kind: 'closed' })
    return no({ kind: 'failed', step: 'receive', errno })
  }
  const fds = descriptorsIn(control, Number(header.readBigUInt64LE(40)))
  const flags = header.readInt32LE(48)
  if ((flags & (MSG_TRUNC | MSG_CTRUNC)) !== 0) {
    for (const fd of fds) closeSync(fd)
    return no({ kind: 'too-large', bytes: count, descriptors: fds.length })
  }
  if (count === 0) {
    for (const fd of fds) closeSync(fd)
    return no({ kind: 'closed' })
  }
  return ok({ message: new Uint8Array(data.subarray(0, count)), fds })
}

/** Every SCM_RIGHTS descriptor in `control`: all of them are open in this process now, so none may be overlooked. */
function descriptorsIn(control: Buffer, controlBytes: number): number[] {
  const fds: number[] = []
  for (let at = 0; at + CONTROL_HEADER_BYTES <= controlBytes; ) {
    const bytes = Number(control.readBigUInt64LE(at))
    if (bytes < CONTROL_HEADER_BYTES || at + bytes > controlBytes) break
    const rights = control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS
    for (let i = CONTROL_HEADER_BYTES; rights && i + 4 <= bytes; i += 4) fds.push(control.readInt32LE(at + i))
    at += (bytes + 7) & ~7
  }
  return fds
}

/** `struct msghdr` and its one `struct iovec`, laid out as every 64-bit Linux has them (x86-64 and arm64 agree). */
function messageHeader(data: Buffer, control: Buffer): { header: Buffer; vector: Buffer } {
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(koffi.address(data), 0)
  vector.writeBigUInt64LE(BigInt(data.length), 8)
  const header = Buffer.alloc(56)
  header.writeBigUInt64LE(koffi.address(vector), 16)
  header.writeBigUInt64LE(1n, 24)
  if (control.length > 0) {
    header.writeBigUInt64LE(koffi.address(control), 32)
    header.writeBigUInt64LE(BigInt(control.length), 40)
  }
  return { header, vector }
}

function controlSpace(descriptors: number): number {
  return CONTROL_HEADER_BYTES + ((4 * descriptors + 7) & ~7)
}

/** The kernel was given addresses only, which the collector does not see: these must outlive the call. */
function keepAlive(...buffers: readonly Buffer[]): void {
  for (const buffer of buffers) if (buffer.length > CHANNEL_MESSAGE_BYTES_MAX) throw new RangeError('unreachable')
}

function failure(step: 'open' | 'send' | 'receive'): ChannelFault {
  return { kind: 'failed', step, errno: koffi.errno() }
}

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_SEQPACKET = 5
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_CTRUNC = 0x8
const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x4000_0000
const CONTROL_HEADER_BYTES = 16
const EAGAIN = 11
const EPIPE = 32
const ECONNRESET = 104
const ENOBUFS = 105

interface SocketCalls {
  readonly socketpair: (domain: number, type: number, protocol: number, pair: Int32Array) => number
  readonly sendmsg: (fd: number, message: Buffer, flags: number) => number
  readonly recvmsg: (fd: number, message: Buffer, flags: number) => number
}

const library = koffi.load('libc.so.6')
const libc: SocketCalls = {
  socketpair: library.func('int socketpair(int domain, int type, int protocol, _Out_ int *pair)'),
  sendmsg: library.func('long sendmsg(int fd, const uint8_t *message, int flags)'),
  recvmsg: library.func('long recvmsg(int fd, _Inout_ uint8_t *message, int flags)'),
}

import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Bytes of one piece. A request takes at least 18, a chunk 6: of one piece at most 228 or 682 are parsed. */
const PIECE_BYTES = 4_096

/**
 * Functions by connection that is parsed in pieces: each takes the parser off and returns what it has not been given.
 */
const detachers = new WeakMap<Duplex, () => Buffer>()

/**
 * Makes an HTTP server's connection be parsed in pieces. Node gives its parser all that one read of a socket has
 * brought, up to 64 KiB: thousands of requests, or of chunks of one byte, which nothing can stop although the first of
 * them has ended the connection. Here it gets one piece in each turn of the loop, and what the first one brings about
 * is done before the next. What a listener throws by `cutConnection` ends the piece, too.
 */
export function parseInPieces(socket: Socket): void {
  const [parse] = socket.listeners('data')
  if (parse === undefined) throw new Error('the parser of an HTTP connection is not where it was')
  socket.off('data', parse as (bytes: Buffer) => void) // it was added as one
  /** Bytes in the order of their arrival; a paused socket can still bring what was read before. */
  const waiting: Buffer[] = []
  let detached = false
  /**
   * True where the parser has been told to bring no more, since nobody takes what it has: only who told it lets it go
   * on.
   */
  let held = false
  const [pause, resume] = [socket.pause.bind(socket), socket.resume.bind(socket)]
  socket.pause = () => {
    held = true
    return pause()
  }
  socket.resume = () => {
    held = false
    return resume()
  }
  const parsePiece = (bytes: Buffer) => {
    try {
      parse.call(socket, bytes)
    } catch (error) {
      if (error !== CUT) throw error
    }
  }
  const step = () => {
    const [bytes] = waiting
    if (bytes === undefined || socket.destroyed) return
    if (bytes.length > PIECE_BYTES) waiting[0] = bytes.subarray(PIECE_BYTES)
    else waiting.shift()
    parsePiece(bytes.subarray(0, PIECE_BYTES))
    if (detached) return
    if (waiting.length > 0) setImmediate(step)
    else if (!held) resume()
  }
  const onData = (bytes: Buffer) => {
    if (waiting.length === 0 && bytes.length <= PIECE_BYTES) return parsePiece(bytes)
    waiting.push(bytes)
    pause()
    if (waiting.length === 1) step()
  }
  socket.on('data', onData)
  detachers.set(socket, () => {
    detached = true
    socket.off('data', onData)
    return Buffer.concat(waiting.splice(0))
  })
}

/**
 * Ends a connection from within a listener for its requests, and all that its parser still holds of them: where the
 * socket alone is destroyed, the parser makes two hundred more of one piece, each with an error of its own.
 */
export function cutConnection(socket: Duplex): never {
  socket.destroy()
  throw CUT
}

/** Thrown through Node's parser, which leaves off then. */
const CUT = new Error('the connection is cut')

/** Takes the parser off a connection that is HTTP no more, and returns the bytes that came after what it has read. */
export function unparsedOf(socket: Duplex): Buffer {
  return detachers.get(socket)?.() ?? Buffer.alloc(0)
}

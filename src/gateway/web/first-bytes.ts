import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { no, ok, type Result } from '../../model/index.ts'
import { type ClientHello, HELLO_BYTES_MAX, readClientHello } from './client-hello.ts'

/** The kind of a connection, by what it begins with; `plain`: no TLS. */
export type FirstBytes = { readonly kind: 'plain' } | { readonly kind: 'tls'; readonly hello: ClientHello }

/** Milliseconds in which the first bytes of a connection come. */
const FIRST_BYTES_MS_MAX = 10_000
/** The first byte of a TLS record that holds a handshake (RFC 8446, 5.1). */
const HANDSHAKE = 22

/**
 * Reads how a paused connection begins. Its bytes are put back, so that whoever takes it on reads all of them. Fails with
 * words for the ledger where it is TLS and its first message cannot be read; undefined: nothing came, or it has ended.
 */
export function readBeginning(socket: Socket): Promise<Result<FirstBytes, string | undefined>> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let length = 0
    const timer = setTimeout(() => settle(no(undefined)), FIRST_BYTES_MS_MAX)
    const onOver = () => settle(no(undefined))
    const settle = (result: Result<FirstBytes, string | undefined>) => {
      clearTimeout(timer)
      socket.off('readable', onReadable).off('close', onOver).off('end', onOver)
      if (length > 0 && !socket.destroyed) socket.unshift(Buffer.concat(parts))
      resolve(result)
    }
    const onReadable = () => {
      for (let part: Buffer | null = socket.read(); part !== null; part = socket.read()) {
        parts.push(part)
        length += part.length
      }
      if (length === 0) return
      if (parts[0]?.[0] !== HANDSHAKE) return settle(ok({ kind: 'plain' }))
      if (parts.length > PARTS_MAX) return settle(no('its first message comes in too many pieces'))
      const hello = readClientHello(Buffer.concat(parts))
      if (hello.ok) return settle(ok({ kind: 'tls', hello: hello.value }))
      if (hello.reason.kind !== 'more') return settle(no(hello.reason.problem))
      if (length > HELLO_BYTES_MAX * 2) settle(no('its first message is too long'))
    }
    socket.on('readable', onReadable).once('close', onOver).once('end', onOver)
    onReadable()
  })
}

/** Pieces that a first message may come in. */
const PARTS_MAX = 256

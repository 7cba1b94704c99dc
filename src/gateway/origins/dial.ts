/**
 * The one place of the gateway from which connections are made, whatever protocol they are for.
 *
 * - DI1  A name is resolved once for each connection, by the gateway, within a bounded time.
 * - DI2  Every address that came is judged, and one that may not be reached refuses all of them: an answer that mixes
 *        networks is not one that an honest name has.
 * - DI3  What was judged is what is connected to: the addresses are pinned, no name is asked again, and a pin is used once.
 * - DI4  A name leads to public addresses. Where its owner's networks are meant (`mayBePrivate`), it leads there too, and
 *        still never to what a cloud tells its machines, or to groups. An address that a person declared is reached, whatever
 *        it is. What is another environment's is reached by nothing (S6).
 * - DI5  `lastCheck` is asked before the name is looked up, in the tick that connects, and in the tick that writes the first
 *        byte of TLS; whoever gets the connection asks in the ticks that follow.
 * - DI6  A TLS connection is handed out when its chain, its name and its keys have been judged, and not before; nor is its
 *        session kept before, since who takes one up is not judged again.
 * - DI7  A connection that is closed takes along what the kernel has not sent of it (`resetsOnClose`).
 * - DI8  What an origin answers is an answer: a redirect is followed by nobody here.
 */
import { connect, isIP, type Socket } from 'node:net'
import process from 'node:process'
import type { TLSSocket } from 'node:tls'
import { type KnownHosts, knownHosts } from '../../model/host/this-host.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { type AddressKind, describeAddress, innerKind, isPublic, kindOfAddress } from './address.ts'
import { judgedNames, problemOfPeer, type TlsRules, textOfTlsError } from './certificates.ts'
import { belongsElsewhere } from './elsewhere.ts'
import { resetsOnClose } from './resetting.ts'
import { trusting } from './trust.ts'

/** Rules for where a connection may lead. */
export interface PinRules {
  /** Places of other environments. */
  readonly elsewhere: readonly string[]
  /** True where a name may lead into the networks of whoever declared it. */
  readonly mayBePrivate?: boolean
  /** Addresses of a name that are pinned, the first ones; absent: ADDRESSES_MAX. */
  readonly addressesMax?: number
  /** Returns the addresses of a name; absent: what this host's resolver knows. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

/** Addresses of a host that were judged, to be connected to once. */
export interface Pin {
  readonly host: string
  readonly port: number
  readonly addresses: readonly [first: string, ...string[]]
}

/** A host that is not connected to. `cause`: what the resolver said. */
export interface PinFault {
  readonly why: string
  readonly cause?: string
}

/** Resolves a host (a name, or an address without brackets) and judges every address that came. */
export async function pin(
  { host, port }: Pick<Pin, 'host' | 'port'>,
  { elsewhere, mayBePrivate = false, addressesMax = ADDRESSES_MAX, resolve = addressesOf }: PinRules,
): Promise<Result<Pin, PinFault>> {
  const isDeclared = isIP(host) !== 0
  const found = isDeclared ? ok([host]) : await resolved(host, resolve)
  if (!found.ok) return found
  const [first, ...others] = found.value
  if (first === undefined) return no({ why: 'it has no address' })
  const judged = isDeclared ? undefined : problemOf(found.value, mayBePrivate, knownHosts())
  const why =
    judged ?? found.value.map((each) => belongsElsewhere(each, port, elsewhere)).find((each) => each !== undefined)
  if (why !== undefined) return no({ why })
  const pinned: Pin = { host, port, addresses: [first, ...others.slice(0, addressesMax - 1)] }
  UNUSED.add(pinned)
  return ok(pinned)
}

/** Pins that no connection was made with. */
const UNUSED = new WeakSet<Pin>()
/** Addresses that are tried of one name. */
const ADDRESSES_MAX = 8
/** Addresses of one name that are judged; one that has more is not followed. */
const JUDGED_MAX = 256
/** Milliseconds that a resolver may take. */
const RESOLVE_MS_MAX = 5_000

async function resolved(
  host: string,
  resolve: NonNullable<PinRules['resolve']>,
): Promise<Result<readonly string[], PinFault>> {
  const { promise: late, resolve: isLate } = Promise.withResolvers<readonly string[]>()
  const timer = setTimeout(() => isLate([]), RESOLVE_MS_MAX)
  try {
    return ok(await Promise.race([resolve(host), late]))
  } catch (error) {
    return no({ why: 'it has no address', cause: error instanceof Error ? error.message : String(error) })
  } finally {
    clearTimeout(timer)
  }
}

/** Returns the addresses that this host's resolver knows of a name, in its order. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  const { lookup } = process.getBuiltinModule('node:dns/promises')
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/** Returns why a name that has these addresses is not followed. */
function problemOf(addresses: readonly string[], mayBePrivate: boolean, hosts: KnownHosts): string | undefined {
  const odd = mayBePrivate
    ? addresses.filter((each) => NEVER_BY_NAME.has(innerKind(each, hosts)))
    : addresses.filter((each) => !isPublic(each, hosts))
  if (addresses.length > JUDGED_MAX) return `it has more than ${JUDGED_MAX} addresses`
  // A resolver that answers with a name would have it asked for in turn, after it was judged.
  if (addresses.some((each) => isIP(each) === 0)) return 'its resolver answered with what is no address'
  const [first] = odd
  if (first === undefined) return undefined
  if (!mayBePrivate && odd.length === addresses.length) return 'it has no public address'
  const kind = mayBePrivate ? innerKind(first, hosts) : kindOfAddress(first, hosts)
  return `one of its addresses is ${describeAddress(first, kind)}`
}

/** Kinds of addresses that no name leads to, whoever declared it. */
const NEVER_BY_NAME: ReadonlySet<AddressKind> = new Set<AddressKind>([
  'metadata',
  'multicast',
  'unspecified',
  'reserved',
])

/**
 * Connects to what was pinned, over TCP alone. Of several addresses the first that answers is taken. Throws for a pin that
 * was used before, or that nobody judged.
 */
export function connectTo(pinned: Pin): Socket {
  if (!UNUSED.delete(pinned)) throw new Error('a connection was asked for whose address nobody has judged')
  const { host, port, addresses } = pinned
  const [first, ...others] = addresses
  const list = addresses.map((address) => ({ address, family: isIP(address) }))
  const socket =
    others.length === 0
      ? connect({ host: first, port })
      : connect({ host, port, autoSelectFamily: true, lookup: (_host, _options, done) => done(null, list) })
  socket.once('connect', () => resetsOnClose(socket))
  return socket
}

/** Rules for one connection. */
export interface DialRules extends PinRules {
  /** Absent: bytes go as they are. */
  readonly tls?: TlsRules
  /** Milliseconds from the first question to the connection that stands. */
  readonly msMax?: number
  /** Ends what is under way. */
  readonly signal?: AbortSignal
  /** Asked in each tick in which something leaves: a reason not to. */
  readonly lastCheck?: () => string | undefined
}

/** A connection that stands, and of TLS the protocol that both chose. */
export interface Dialled {
  readonly socket: Socket
  readonly protocol?: string
}

/**
 * A connection that was not made. `refused`: where it leads may not be reached; `withdrawn`: it was called off; `certificate`:
 * who answers has not shown to be the origin.
 */
export interface DialFault {
  readonly kind: 'refused' | 'withdrawn' | 'unreachable' | 'certificate' | 'late'
  readonly why: string
}

/** Connects to a host and port, over TLS where its rules say so. Resolves with the connection once all of it was judged. */
export async function dial(to: Pick<Pin, 'host' | 'port'>, rules: DialRules): Promise<Result<Dialled, DialFault>> {
  const { msMax = DIAL_MS_MAX, signal } = rules
  const { promise: ended, resolve: end } = Promise.withResolvers<DialFault>()
  const timer = setTimeout(() => end({ kind: 'late', why: `it was not connected within ${msMax} ms` }), msMax)
  const onAbort = () => end({ kind: 'withdrawn', why: 'it was called off' })
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  try {
    return await dialUntil(ended, to, rules)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

const DIAL_MS_MAX = 5_000

async function dialUntil(
  ended: Promise<DialFault>,
  to: Pick<Pin, 'host' | 'port'>,
  rules: DialRules,
): Promise<Result<Dialled, DialFault>> {
  const { tls, lastCheck = () => undefined } = rules
  const withdrawn = lastCheck()
  if (withdrawn !== undefined) return no({ kind: 'withdrawn', why: withdrawn })
  const over = ended.then((fault) => no(fault))
  const pinned = await Promise.race([over, pin(to, rules)])
  if (!pinned.ok) return 'kind' in pinned.reason ? no(pinned.reason) : no(refusalOf(pinned.reason))
  const changed = lastCheck()
  if (changed !== undefined) return no({ kind: 'withdrawn', why: changed })
  const socket = connectTo(pinned.value).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
  const connected = tls === undefined ? standing(socket) : secured(socket, to.host, tls, lastCheck)
  const dialled = await Promise.race([over, connected])
  if (!dialled.ok) socket.destroy()
  return dialled
}

const KEEP_ALIVE_MS = 60_000

function refusalOf({ why, cause }: PinFault): DialFault {
  return cause === undefined ? { kind: 'refused', why } : { kind: 'unreachable', why: cause }
}

/** Resolves when a socket is connected, or with why it is not. An error that comes later destroys it and nothing else. */
function standing(socket: Socket): Promise<Result<Dialled, DialFault>> {
  return new Promise((resolve) => {
    socket.on('error', (error) => resolve(no({ kind: 'unreachable', why: textOf(error) })))
    socket.once('close', () => resolve(no({ kind: 'unreachable', why: 'the connection was closed' })))
    socket.once('connect', () => resolve(ok({ socket })))
  })
}

/** Begins TLS in the tick that connected, if it still may, and judges whoever answers. */
function secured(
  socket: Socket,
  host: string,
  rules: TlsRules,
  lastCheck: NonNullable<DialRules['lastCheck']>,
): Promise<Result<Dialled, DialFault>> {
  return new Promise((resolve) => {
    const unreachable = (why: string) => resolve(no({ kind: 'unreachable', why }))
    socket.on('error', (error) => unreachable(textOf(error)))
    socket.once('close', () => unreachable('the connection was closed'))
    socket.once('connect', () => {
      const withdrawn = lastCheck()
      if (withdrawn !== undefined) return resolve(no({ kind: 'withdrawn', why: withdrawn }))
      if (socket.destroyed) return
      const secure = tlsOver(socket, host, rules)
      if (secure === undefined)
        return resolve(no({ kind: 'certificate', why: `TLS: what was declared cannot be used: ${rules.caKey}` }))
      // One that began with whoever is refused then is taken up by nobody.
      let begun: Buffer | undefined
      secure.on('session', (session: Buffer) => {
        if (isJudged) rules.onSession?.(session)
        else begun = session
      })
      let isJudged = false
      const refuse = (why: string) => {
        resolve(no({ kind: 'certificate', why: `TLS: ${why}` }))
        secure.destroy()
      }
      secure.on('error', (error: NodeJS.ErrnoException) => {
        const problem = textOfTlsError(error, host, rules)
        if (problem === undefined) unreachable(textOf(error))
        else refuse(problem)
      })
      secure.once('close', () => unreachable('the connection was closed before TLS began'))
      secure.once('secureConnect', () => {
        const problem = problemOfPeer(secure, rules)
        if (problem !== undefined) return refuse(problem)
        isJudged = true
        if (begun !== undefined) rules.onSession?.(begun)
        const { alpnProtocol } = secure
        resolve(ok({ socket: secure, ...(typeof alpnProtocol === 'string' && { protocol: alpnProtocol }) }))
      })
    })
  })
}

/** Begins TLS; returns undefined where OpenSSL takes not even what it begins with. */
function tlsOver(socket: Socket, host: string, rules: TlsRules): TLSSocket | undefined {
  try {
    return tlsWith(socket, host, rules)
  } catch {
    return undefined
  }
}

function tlsWith(socket: Socket, host: string, { ca, protocols, session }: TlsRules): TLSSocket {
  const tls = process.getBuiltinModule('node:tls')
  return tls.connect({
    socket,
    secureContext: trusting(ca),
    rejectUnauthorized: true,
    ALPNProtocols: [...protocols],
    // An address is no name to ask for (RFC 6066, 3), and is looked for among the addresses of the certificate.
    servername: isIP(host) === 0 ? host : '',
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(host, judgedNames(certificate)),
    ...(session !== undefined && { session }),
  })
}

/** Returns the text of an error; of several tries that failed, that of each. */
function textOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((each) => textOf(each)).join('; ')
  return error.message
}

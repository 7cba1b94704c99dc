/**
 * Connections of a cell to an origin that speaks TLS with its programs itself, since they know its key.
 *
 * - TU1  The place that was dialled and the name in the first message of TLS are one (`TunnelDoor`); nothing has left before
 *        the connection is decided, and its address is the origin's, judged and pinned.
 * - TU2  Each piece is asked for in the tick that writes it, by the labels and grants of then, and counted. A person may let one
 *        through whose cell has seen nothing that the origin does not accept.
 * - TU3  What comes back is shown to nobody before its labels are on disk (PA4), and to nobody where they cannot be. It is not
 *        searched: nobody here reads it.
 * - TU4  That its program goes, does not read, or sends what may not leave, ends a connection or has it wait only where the
 *        origin may notice that (F1). Otherwise what comes is dropped, until the origin ends it or is silent.
 */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { LIMITS } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { connectTo, type Pin, pin } from '../../origins/dial.ts'
import { isPrivateUseName } from '../../origins/origin.ts'
import { Passing, SILENCE_MS_MAX } from '../../origins/passing.ts'
import type { Prepared, SendOptions } from '../../pipeline/line.ts'
import { perform } from '../../pipeline/pipeline.ts'
import { away, originAttempt, refusalSentence, unshown } from '../http/web-attempt.ts'
import type { TunnelLine } from './line.ts'

/** Makes a connection where it may be made. Resolves with false where it was not, and nothing was read of the socket. */
export async function serveTunnel(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: TunnelLine,
  socket: Socket,
): Promise<boolean> {
  const { host, port, authority } = line.origin
  if (line.underWay.size >= LIMITS.originConnectionsMax) {
    line.lastRefusal = {
      sentence: refusalSentence(`at most ${LIMITS.originConnectionsMax} tunnels may stand`, undefined),
    }
    return false
  }
  let pinned: Pin | undefined
  /** True once it is connected: what its program ends from then on is told of there. */
  let stands = false
  let isLet = false
  const gone = new AbortController()
  socket.once('close', () => stands || gone.abort())
  const prepared = (): Prepared => {
    const to = pinned
    if (to === undefined) throw new Error('a tunnel was allowed that has no address')
    return {
      bytes: Buffer.from(JSON.stringify({ host, port, addresses: to.addresses })),
      send: (options) => {
        const withdrawn = socket.destroyed || options.signal.aborted ? 'whoever asked has gone' : options.lastCheck()
        if (withdrawn !== undefined) return Promise.resolve({ kind: 'not-sent', why: withdrawn, lives: true })
        stands = true
        return pass(socket, connectTo(to), options, () => isLet)
      },
    }
  }
  const performed = await perform(gate, cell, {
    ...originAttempt(line, 'tunnel', 'connect', { place: authority }),
    connect: (mayLeave) => {
      if (line.down !== undefined) return Promise.resolve(away(line.down))
      if (!mayLeave()) return undefined
      // Nobody here sees who answers: a name that somebody else could have leads to no network of its owner's.
      return pin({ host, port }, { elsewhere: line.elsewhere, mayBePrivate: isPrivateUseName(host) }).then((found) => {
        if (!found.ok) return away(found.reason.why)
        pinned = found.value
        return undefined
      })
    },
    isStreamed: true,
    prepare: prepared,
    prepareApproved: prepared,
    signal: cell.gone.signal,
    calledOff: gone.signal,
    onPart: () => {
      isLet = true
      return undefined
    },
  })
  if (performed.kind === 'passed') return true
  if (socket.destroyed) return true
  const { said, reference } = unshown(performed, line.name)
  line.lastRefusal = { sentence: refusalSentence(said, reference), ...(reference && { reference }) }
  return false
}

/** Passes what both sides say until either ends. `mayShow`: the pipeline has let what comes back be shown. */
function pass(socket: Socket, far: Socket, options: SendOptions, mayShow: () => boolean): Passing['ended'] {
  const { onPart, mayNotice = () => true } = options
  const passing = new Passing(far, { silenceMsMax: SILENCE_MS_MAX, ...options, isNoticed: mayNotice })
  far.on('error', () => far.destroy())
  passing.onEnd(() => {
    // What has come whole is still written out; where nothing left, whoever asked is told by the door.
    if (passing.hasBegun && !passing.isWhole) socket.destroy()
  })
  socket.once('close', (isBroken) => passing.leave(isBroken ? 'whoever asked broke off' : undefined))
  far.once('connect', () => {
    if (!passing.begin(0)) return
    passing.out(socket, far)
    far.once('readable', () => {
      const back = () => {
        if (mayShow()) passing.back(far, socket)
        else passing.cut('what comes back may not be shown')
      }
      const shown = onPart?.({ said: {}, ofAction: true })
      if (shown === undefined) return back()
      shown.then(back, back)
    })
  })
  return passing.ended
}

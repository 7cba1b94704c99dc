import { connect } from 'node:net'
import { monotonicUs } from '../../model/host/monotonic.ts'
import { ANSWERS_MS_MAX } from '../stop/bounds.ts'
import { replyIn } from '../stop/warden-reply.ts'
import type { ControlReply, ControlRequest, Done, TimedRequest } from './control-request.ts'

/** The socket of a warden. */
export interface WardenSocket {
  readonly path: string
  /** Directory of the state that has it. */
  readonly state: string
  /** The file's name there. */
  readonly name: string
}

/**
 * Asks whoever listens at a control socket, and resolves with the last word; `nobody` where no process listens there any
 * more. Silent is who says no whole reply for `boundMs` (0: no bound), who says what is none, and who goes on
 * for longer than any warden: another user's socket keeps no order waiting, and ends none.
 */
export function askAt(
  { path, state, name }: WardenSocket,
  request: ControlRequest,
  onReply: (reply: ControlReply) => void,
  boundMs: number,
): Promise<Done | 'nobody'> {
  return new Promise((resolve) => {
    let text = ''
    let units = 0
    let done: Done | undefined
    /** The error by which it was not even reached. */
    let failed: string | undefined
    const asked: TimedRequest = { ...request, ...(boundMs > 0 && { untilUs: monotonicUs() + boundMs * 1_000 }) }
    const socket = connect(path, () => socket.write(`${JSON.stringify(asked)}\n`))
    const end = () => void socket.destroy()
    const inAll = boundMs === 0 ? undefined : setTimeout(end, Math.max(boundMs, ANSWERS_MS_MAX))
    const silence = boundMs === 0 ? undefined : setTimeout(end, boundMs)
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      units += chunk.length
      const lines = (text + chunk).split('\n')
      text = lines.pop() ?? ''
      const replies = lines.map(replyIn)
      // Whoever says what no warden says is none, and says nothing.
      if (units > ANSWERS_UNITS_MAX || replies.includes(undefined)) return end()
      for (const reply of replies.filter((each) => each !== undefined)) {
        silence?.refresh()
        onReply(reply)
        if (reply.kind === 'done') done = reply
      }
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failed = error.code
    })
    socket.on('close', () => {
      clearTimeout(inAll)
      clearTimeout(silence)
      // The kernel's word that no process listens there: every other fault may be that of a warden that lives.
      const nobody = failed === 'ECONNREFUSED' || failed === 'ENOENT'
      const silent = { state, socket: name, pid: Number.parseInt(name, 10) }
      const broken = { kind: 'done', ok: false, said: 'the warden was asked, and did not answer', silent } as const
      resolve(done ?? (nobody ? 'nobody' : broken))
    })
  })
}

/** UTF-16 units of all of it: a receipt of a thousand cells has less. */
const ANSWERS_UNITS_MAX = 67_108_864

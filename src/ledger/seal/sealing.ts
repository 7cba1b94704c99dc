import type { Duplex } from 'node:stream'
import { no, ok, type Result } from '../../model/result.ts'
import type { Ledger } from '../log/ledger.ts'
import { LEDGER_LIMITS } from '../log/limits.ts'
import { openSeal, parseWitnessKey, type SealedHead, type WitnessKey } from '../log/note.ts'
import { same } from './proof.ts'
import { framesFrom, questionFrame, readAnswer, type WitnessAnswer, type WitnessQuestion } from './witness-protocol.ts'

export interface Sealing {
  /** Offers the head now and waits for the answer; what was durable when it was called is then sealed. */
  sealNow(): Promise<Result<SealedHead, SealFault>>
  /** Seals a last time, all that was appended, and lets the stream go. Before `ledger.close()`. */
  stop(): Promise<void>
}

export type SealFault =
  | { readonly kind: 'silent'; readonly problem: string }
  | { readonly kind: 'refused'; readonly problem: string }

/**
 * Offers the ledger's head to the witness at once and then every second, idle or not, so that the newest seal is never
 * old while the witness answers. Where it does not, nothing here retries harder: the seal grows old and effects end (S4).
 * Where it says that this ledger is not the one it sealed, the ledger is disowned for good.
 */
export function startSealing(ledger: Ledger, stream: Duplex, nowMs: () => number): Sealing {
  const exchange = openExchange(stream)
  let witness: Promise<Result<Known, SealFault>> | undefined
  let turn: Promise<Result<SealedHead, SealFault>> = Promise.resolve(no({ kind: 'silent', problem: 'not yet asked' }))
  let stopped = false

  async function seal(): Promise<Result<SealedHead, SealFault>> {
    witness ??= meet(exchange)
    const known = await witness
    if (!known.ok) return known
    const sealed = await offer(ledger, exchange, known.value, nowMs)
    if (sealed.ok) known.value.size = sealed.value.size
    if (!sealed.ok && sealed.reason.kind === 'refused') ledger.sealing.disowned(sealed.reason.problem)
    return sealed
  }

  /** Seals once; each question to the witness waits for the one before. */
  function sealNow(): Promise<Result<SealedHead, SealFault>> {
    turn = turn.then(seal)
    return turn
  }

  let busy = false
  const timer = setInterval(tick, LEDGER_LIMITS.sealEveryMs).unref()
  function tick(): void {
    if (busy || stopped) return
    busy = true
    void sealNow().finally(() => {
      busy = false
    })
  }
  tick()

  return {
    sealNow,
    async stop() {
      stopped = true
      clearInterval(timer)
      const last = ledger.sealing.settled().then(sealNow)
      await Promise.race([last, waited(LEDGER_LIMITS.sealEveryMs)])
      stream.end()
    },
  }
}

/** The head that the witness last signed for this log, as far as we know. */
interface Known {
  size: number
  root: Uint8Array
  readonly key: WitnessKey
}

async function meet(exchange: Exchange): Promise<Result<Known, SealFault>> {
  const answer = await exchange({ kind: 'ask' })
  if (answer?.kind !== 'last') return SILENT
  const key = parseWitnessKey(answer.key)
  return key.ok ? ok({ size: answer.size, root: answer.root, key: key.value }) : SILENT
}

async function offer(
  ledger: Ledger,
  exchange: Exchange,
  known: Known,
  nowMs: () => number,
): Promise<Result<SealedHead, SealFault>> {
  const { size, root } = ledger.head()
  if (known.size > size) return refused(`it has sealed ${known.size} entries, and there are ${size}`)
  const proof = await ledger.sealing.proof(known.size, size)
  if (!proof) return refused(`it has sealed ${known.size} entries, from which no proof can be made`)
  const offeredAtMs = nowMs()
  const answer = await exchange({ kind: 'head', oldSize: known.size, size, root, proof })
  if (answer?.kind === 'refused') {
    if (answer.why === 'not stored') return no({ kind: 'silent', problem: 'the witness cannot store seals' })
    return refused(`${answer.why}: it has sealed ${answer.size} entries`)
  }
  const seal = answer?.kind === 'sealed' ? openSeal(answer.note, known.key) : undefined
  if (!seal?.ok) return SILENT
  const { value } = seal
  if (value.origin !== ledger.origin || value.size !== size || !same(value.root, root)) return SILENT
  ledger.sealing.sealed(value, offeredAtMs)
  return ok(value)
}

type Exchange = (question: WitnessQuestion) => Promise<WitnessAnswer | undefined>

/**
 * Opens the exchange with the witness over a stream. An answer is undefined once the stream has ended or said something
 * else.
 */
function openExchange(stream: Duplex): Exchange {
  stream.on('error', () => {})
  const frames = framesFrom(stream)
  return async (question) => {
    if (!stream.writable) return undefined
    stream.write(questionFrame(question))
    const frame = await frames.next().catch(() => undefined)
    const answer = frame && !frame.done ? readAnswer(frame.value) : undefined
    if (!answer) stream.destroy()
    return answer
  }
}

const SILENT: Result<never, SealFault> = no({ kind: 'silent', problem: 'the witness does not answer' })

function refused(problem: string): Result<never, SealFault> {
  return no({ kind: 'refused', problem })
}

function waited(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms).unref())
}

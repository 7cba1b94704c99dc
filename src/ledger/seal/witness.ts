import type { KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { LEDGER_LIMITS } from '../log/limits.ts'
import { cosign, type SealedHead, type WitnessKey } from '../log/note.ts'
import { EMPTY_ROOT } from './merkle.ts'
import { extendsTree } from './proof.ts'
import type { SealStore } from './seal-store.ts'
import { answerFrame, framesFrom, readQuestion, type WitnessAnswer, type WitnessQuestion } from './witness-protocol.ts'

export interface WitnessOptions {
  readonly origin: string
  readonly key: WitnessKey
  readonly keyText: string
  readonly privateKey: KeyObject
  readonly store: SealStore
  readonly nowMs: () => number
  /** Takes messages for a person: refusals, and a writer that does not speak the protocol. */
  readonly say: (message: string) => void
}

/**
 * Serves the writer of one log until its stream ends. The writer is hostile: a taken-over gateway holds this stream.
 *
 * - W1  For one origin, every head that was ever signed extends every one signed before.
 * - W2  A seal is durable before its writer hears of it.
 * - W3  No writer reaches another log's seals, makes the witness read without bound, or holds up the others.
 */
export async function serveWriter(stream: Duplex, options: WitnessOptions): Promise<void> {
  const { say, origin } = options
  let budget = LEDGER_LIMITS.witnessHeadsPerSecondMax
  let second = 0
  stream.on('error', () => {})
  for await (const bytes of framesFrom(stream)) {
    const question = readQuestion(bytes)
    if (!question) {
      say(`${origin}: its writer sent a frame that is none; the connection is closed`)
      stream.destroy()
      return
    }
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) budget = LEDGER_LIMITS.witnessHeadsPerSecondMax
    second = now
    if (--budget < 0) await setTimeout(1000)
    const answer = await answerTo(question, options)
    if (answer.kind === 'refused') say(`${origin}: refused, ${answer.why}; ${answer.size} entries are sealed`)
    // A writer that does not read its answers waits for itself only.
    if (!stream.write(answerFrame(answer))) await drained(stream)
  }
}

async function answerTo(question: WitnessQuestion, options: WitnessOptions): Promise<WitnessAnswer> {
  const { origin, key, privateKey, store, nowMs } = options
  const last = store.newest
  const [size, root] = [last?.size ?? 0, last?.root ?? EMPTY_ROOT]
  if (question.kind === 'ask') return { kind: 'last', size, root, key: options.keyText }
  if (question.oldSize !== size) return { kind: 'refused', why: 'not the last', size, root }
  if (!extendsTree(size, root, question.size, question.root, question.proof)) {
    return { kind: 'refused', why: 'no extension', size, root }
  }
  const atMs = Math.max(nowMs(), last?.atMs ?? 0)
  const head = { origin, size: question.size, root: question.root }
  const atS = Math.floor(atMs / 1000)
  const seal: SealedHead = { ...head, atMs: atS * 1000, note: cosign(head, key, privateKey, atS) }
  return (await store.keep(seal))
    ? { kind: 'sealed', note: seal.note }
    : { kind: 'refused', why: 'not stored', size, root }
}

function drained(stream: Duplex): Promise<void> {
  return new Promise((done) => {
    stream.once('drain', done)
    stream.once('close', done)
  })
}

import type { PayloadReader } from '../protocol.ts'
import { readPattern } from './pattern.ts'
import { argumentsIn } from './request-bytes.ts'
import { answerKept } from './web-answer.ts'

/**
 * Reads nothing of what the ledger keeps of a request to an origin, whatever it speaks: its head, and the part of its body that
 * is kept, are for a person (`why --bytes`). Its arguments stand in its entry.
 */
export const originPayloads: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

/** Reads the requests that a pattern names, and the answers to them that were read whole. */
export const httpPayloads: PayloadReader = {
  argumentsIn(sent, tool) {
    const pattern = readPattern(tool)
    return pattern.ok ? argumentsIn(pattern.value, sent) : undefined
  },
  answerIn: answerKept,
}

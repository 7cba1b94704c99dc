import type { PayloadReader } from '../protocol.ts'

/**
 * Reads nothing of what the ledger keeps of a request to an origin, whatever it speaks: its head, and the part of its body that
 * is kept, are for a person (`why --bytes`). Its arguments stand in its entry.
 */
export const originPayloads: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

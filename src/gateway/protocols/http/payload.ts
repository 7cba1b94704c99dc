import type { PayloadReader } from '../protocol.ts'

/**
 * Reads what the ledger keeps of a request: its head, and the body where that was judged. Its arguments stand in its entry,
 * and what came back is kept nowhere.
 */
export const httpPayloads: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

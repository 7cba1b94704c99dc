import type { PayloadReader } from '../protocol.ts'

/**
 * Reads what the ledger keeps of a request to a model: its head, and the conversation or its digest. The arguments that were
 * decided on stand in its entry; the conversation is for a person (`why --bytes`).
 */
export const modelPayloads: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

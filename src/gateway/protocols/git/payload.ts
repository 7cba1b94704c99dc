import type { PayloadReader } from '../protocol.ts'

/**
 * Reads what the ledger keeps of a request to a git server: its head, and of a push the refs that it changes. A pack is kept
 * nowhere; its commits have their names in the entry.
 */
export const gitPayloads: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

import type { PayloadReader } from '../protocol.ts'

/** Reads what the ledger keeps of a request to a registry: its head. Which package it asks for stands in its entry. */
export const packagePayloads: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

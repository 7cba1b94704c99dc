/** The stores of one state, and where their files lie: the one place of the host that knows. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileLogs } from '../../ledger/files/file-logs.ts'
import type { WitnessSource } from '../../ledger/seal/witness-source.ts'
import type { Logs } from '../../ledger/store.ts'
import { ok, type Result } from '../../model/index.ts'
import { fileMailbox } from '../people/file-mailbox.ts'
import type { Mailbox } from '../people/mailbox.ts'
import { fileFences } from '../stop/fence.ts'
import type { Fence, Fences } from '../stop/fences.ts'

/** The things of a state that another store than its directory could keep. */
export interface Stores {
  readonly logs: Logs
  readonly fences: Fences
  readonly mailbox: Mailbox
}

/** Returns the stores of a state; nothing is made, and nothing has to be there. */
export function storesOf(stateDirectory: string): Stores {
  return {
    logs: fileLogs(join(stateDirectory, LEDGER)),
    fences: fileFences(stateDirectory),
    mailbox: fileMailbox(stateDirectory),
  }
}

/** Tells whether anything was ever run in a state. */
export function hasBegun(stateDirectory: string): boolean {
  return existsSync(join(stateDirectory, LEDGER))
}

/** Reads the fence of a state; one in which nothing has run, and nobody was contained, fences nobody. */
export function fenceOf(stateDirectory: string): Result<Fence, string> {
  const { fences } = storesOf(stateDirectory)
  return hasBegun(stateDirectory) || fences.isMade() ? fences.read() : ok(new Map())
}

/**
 * Returns where verify and prove read: they believe no store, and judge byte by byte what lies there, against the seals of
 * its witness.
 */
export function sealedPlaceOf(stateDirectory: string): {
  readonly ledgerDirectory: string
  readonly witness: Extract<WitnessSource, { readonly directory: string }>
} {
  return { ledgerDirectory: join(stateDirectory, LEDGER), witness: { directory: join(stateDirectory, 'witness') } }
}

const LEDGER = 'ledger'

/**
 * What was done to a workspace while no gateway of its environment ran, and stops whose gateway was ended, on their way
 * into the ledger: the next gateway takes them. One file each, which only the state's owner can write.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CellContained } from '../model/index.ts'
import type { Untold } from './checkpoints.ts'
import { writeDurably } from './durable-file.ts'
import { inPart } from './state-part.ts'

export type Left = Untold | CellContained

export function leaveUntold(stateDirectory: string, entry: Left): void {
  const about = entry.kind === 'cell.contained' ? `${entry.cell}-${entry.receipt.order}` : entry.checkpoint
  inPart(stateDirectory, UNTOLD, (directory) => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeDurably(join(directory, `${Date.now()}-${about}-${entry.kind}.json`), JSON.stringify(entry))
  })
}

/** In the order in which it was done; what `tell` does not take stays. */
export async function tellUntold(stateDirectory: string, tell: (entry: Left) => Promise<boolean>): Promise<void> {
  const directory = directoryOf(stateDirectory)
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  for (const name of names.toSorted()) {
    const path = join(directory, name)
    // Our own, written whole: its name appears last.
    if (await tell(JSON.parse(readFileSync(path, 'utf8')) as Left)) rmSync(path, { force: true })
  }
}

function directoryOf(stateDirectory: string): string {
  const directory = join(stateDirectory, UNTOLD)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

const UNTOLD = 'untold'

/**
 * What was done to a workspace while no gateway of its environment ran, on its way into the ledger: the next gateway
 * takes it. One file each, which only the state's owner can write.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Untold } from './checkpoints.ts'

export function leaveUntold(stateDirectory: string, entry: Untold): void {
  const directory = directoryOf(stateDirectory)
  const path = join(directory, `${Date.now()}-${entry.checkpoint}-${entry.kind}.json`)
  writeFileSync(`${path}.new`, JSON.stringify(entry), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** In the order in which it was done; what `tell` does not take stays. */
export async function tellUntold(stateDirectory: string, tell: (entry: Untold) => Promise<boolean>): Promise<void> {
  const directory = directoryOf(stateDirectory)
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  for (const name of names.toSorted()) {
    const path = join(directory, name)
    // Our own, written whole: its name appears last.
    if (await tell(JSON.parse(readFileSync(path, 'utf8')) as Untold)) rmSync(path, { force: true })
  }
}

function directoryOf(stateDirectory: string): string {
  const directory = join(stateDirectory, 'untold')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

/** Things that a test makes on this host and that are gone after it, however it ends. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const undo: (() => Promise<void> | void)[] = []

/** Runs after the last test of the file, newest first; one that fails does not keep the others from running. */
export function cleanUp(step: () => Promise<void> | void): void {
  undo.push(step)
}

after(async () => {
  const faults: unknown[] = []
  for (const step of undo.reverse()) {
    try {
      await step()
    } catch (error) {
      faults.push(error)
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, 'something could not be cleaned up')
})

/** Services run under uids of their own and must be able to pass through it. */
export function temporaryDirectory(below = tmpdir()): string {
  const directory = mkdtempSync(join(below, 'firebreak-test-'))
  chmodSync(directory, 0o711)
  cleanUp(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Entry } from '../../src/model/entry.ts'
import { normalLines } from './normal-entries.ts'

/**
 * The reason why nothing is compared here. Payloads and lines of a configuration tell of the place and of the profile of
 * a run: where these are others than at the recording, they are other bytes.
 */
export const NOT_COMPARED: string | false =
  process.getuid?.() === 0 && tmpdir() === '/tmp' ? false : 'recorded as root, in /tmp'

/**
 * Asserts that a run wrote the entries that are recorded under a name. FIREBREAK_RECORD=1 records what it writes now: for
 * a change of entries that somebody means.
 *
 * @param kinds of entries that do not depend on the hour; absent: all.
 */
export function assertRecorded(name: string, entries: readonly Entry[], kinds?: readonly Entry['kind'][]): void {
  const file = join(import.meta.dirname, 'recorded', `${name}.jsonl`)
  const chosen = kinds === undefined ? entries : entries.filter(({ kind }) => kinds.includes(kind)).map(unnumbered)
  const lines = normalLines(chosen)
  if (process.env.FIREBREAK_RECORD === '1') writeFileSync(file, `${lines.join('\n')}\n`)
  assert.ok(existsSync(file), `${file}: record it with FIREBREAK_RECORD=1`)
  assert.deepEqual(lines, readFileSync(file, 'utf8').trimEnd().split('\n'))
}

/** Returns an entry without its number in the log, and those of others that it names. */
function unnumbered(entry: Entry): Entry {
  const { seq: _, ...rest } = entry
  return { ...rest, ...('signal' in rest && { signal: 0 }), ...('evidence' in rest && { evidence: [] }) } as Entry // for comparison alone
}

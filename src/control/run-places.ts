/**
 * Run directories that wardens of a state have used, noted in the state: whoever looks for its cells has perhaps another
 * XDG_RUNTIME_DIR than whoever runs them.
 */
import { appendFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { no, ok, type Result } from '../model/index.ts'
import { readPlainFile } from '../model/plain-file.ts'

/** Notes where a warden of the state keeps its runs: one that nobody could find runs nothing. */
export function noteRunPlace(stateDirectory: string, runDirectory: string): Result<void, string> {
  const path = join(stateDirectory, NAME)
  try {
    if (runPlaces([stateDirectory]).includes(runDirectory)) return ok(undefined)
    appendFileSync(path, `${runDirectory}\n`, { mode: 0o600 })
  } catch (error) {
    return no(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (runPlaces([stateDirectory]).includes(runDirectory)) return ok(undefined)
  return no(`${path} has no room for ${runDirectory}: remove it where nothing runs`)
}

/**
 * Returns what is noted in these states, at most `PLACES_MAX` of each. Their owners chose it: nothing in such a directory
 * is believed before its own owner is (own-place.ts).
 */
export function runPlaces(states: readonly string[]): readonly string[] {
  return [...new Set(states.flatMap(placesIn))]
}

function placesIn(state: string): readonly string[] {
  try {
    const text = readPlainFile(join(state, NAME), BYTES_MAX, 'no')?.bytes.toString('utf8') ?? ''
    return text.split('\n').filter(isAbsolute).slice(0, PLACES_MAX)
  } catch {
    return []
  }
}

const NAME = 'run-directories'
const PLACES_MAX = 64
const BYTES_MAX = 65_536

/**
 * Run directories that wardens of a state have used, noted in the state: whoever looks for its cells has perhaps another
 * XDG_RUNTIME_DIR than whoever runs them.
 */
import { appendFileSync, lstatSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import process from 'node:process'
import { textIn } from '../../model/host/host-paths.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { inPart, isOthers } from '../state/state-part.ts'

/** Notes where a warden of the state keeps its runs: one that nobody could find runs nothing. */
export function noteRunPlace(stateDirectory: string, runDirectory: string): Result<void, string> {
  const path = join(stateDirectory, NAME)
  try {
    if (runPlaces([stateDirectory]).includes(runDirectory)) return ok(undefined)
    inPart(stateDirectory, '', (directory) =>
      appendFileSync(join(directory, NAME), `${runDirectory}\n`, { mode: 0o600 }),
    )
    if (runPlaces([stateDirectory]).includes(runDirectory)) return ok(undefined)
  } catch (error) {
    return no(`${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
  return no(`${path} has no room for ${runDirectory}: remove it where nothing runs`)
}

/**
 * Returns what is noted in these states, at most `PLACES_MAX` of each. Their owners chose it: nothing in such a directory
 * is believed before its own owner is (own-place.ts). Throws where a note cannot be read: what runs there is not known.
 */
export function runPlaces(states: readonly string[]): readonly string[] {
  return [...new Set(states.flatMap(placesIn))]
}

/**
 * Returns those of these states that belong to this user, and for root to nobody else: in a place that somebody else's names, it is only looked. What
 * is cleared up is removed with this user's rights, and the name could lead to anything of theirs.
 */
export function ownStates(states: readonly string[]): readonly string[] {
  const uid = process.geteuid?.()
  return states.filter((state) => statSync(state, { throwIfNoEntry: false })?.uid === uid && !isOthers(state))
}

function placesIn(state: string): readonly string[] {
  const text = inPart(state, '', (directory) => {
    const path = join(directory, NAME)
    const there = textIn(path, BYTES_MAX)
    if (there === undefined && lstatSync(path, { throwIfNoEntry: false }) !== undefined)
      throw new Error(`${join(state, NAME)} cannot be read: it is no file`)
    return there
  })
  return (text ?? '').split('\n').filter(isAbsolute).slice(0, PLACES_MAX)
}

const NAME = 'run-directories'
const PLACES_MAX = 64
const BYTES_MAX = 65_536

import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import { readPlain } from '../../model/host/plain-file.ts'
import { failedWith } from '../../model/host/system-error.ts'
import { actionId, environmentName, no, ok, parseJson, personName, type Result } from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { inPart } from '../state/state-part.ts'
import type { HoldAnswer, Mailbox } from './mailbox.ts'

/**
 * Returns the mailbox of a state that is kept in files: `<state>/approvals/<hold>.json`, which only the state's owner can
 * write. No cell has a way to this directory. What a gateway does not take is kept beside it, as `<hold>.json.refused`.
 */
export function fileMailbox(stateDirectory: string): Mailbox {
  /** Works in the directory, which does not wait. */
  const within = async <T>(act: (directory: string) => T): Promise<T> => inPart(stateDirectory, ANSWERS, act)
  return {
    put: (answer) => within((directory) => giveIn(directory, stateDirectory, answer)),
    get: (hold) => within((directory) => answerIn(join(directory, `${hold}.json`))),
    list: (environment) =>
      within((directory) => {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        return answersIn(directory).filter((answer) => answer.environment === environment)
      }),
    take: (answer, isAccepted) =>
      within((directory) => {
        const path = join(directory, `${answer.hold}.json`)
        const there = answerIn(path)
        if (there !== undefined && !isDeepStrictEqual(there, answer)) return false
        if (isAccepted) rmSync(path, { force: true })
        else renameSync(path, `${path}.refused`)
        return true
      }),
    wasRefused: (hold) => within((directory) => existsSync(join(directory, `${hold}.json.refused`))),
    withdraw: (hold) =>
      within((directory) => {
        const path = join(directory, `${hold}.json`)
        if (answerIn(path)?.approved) rmSync(path, { force: true })
      }),
  }
}

/** Reads the answers that lie in a directory; what is none is set aside. */
function answersIn(directory: string): readonly HoldAnswer[] {
  return readdirSync(directory).flatMap((name) => {
    if (!name.endsWith('.json')) return []
    const path = join(directory, name)
    const answer = readAnswer(path)
    if (answer.ok) return [answer.value]
    renameSync(path, `${path}.refused`)
    return []
  })
}

function answerIn(path: string): HoldAnswer | undefined {
  const answer = readAnswer(path)
  return answer.ok ? answer.value : undefined
}

function giveIn(directory: string, stateDirectory: string, answer: HoldAnswer): Result<void, string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const name = `${answer.hold}.json`
  const path = join(directory, name)
  const written = `${path}.${process.pid}.new`
  writeFileSync(written, `${JSON.stringify(answer)}\n`, { mode: 0o600 })
  try {
    if (!isPlaced(written, path)) {
      const given = answerIn(path)
      if (given === undefined)
        return no(`an answer to ${answer.hold} lies there that cannot be read: ${join(stateDirectory, ANSWERS, name)}`)
      if (answer.approved || !given.approved)
        return no(`${answer.hold} is ${given.approved ? 'approved' : 'denied'} by ${given.by} already`)
      renameSync(written, path)
    }
    rmSync(`${path}.refused`, { force: true })
    return ok(undefined)
  } finally {
    rmSync(written, { force: true })
  }
}

/** Puts a file in a place where none is, whole and at once; false where one is. link(2) */
function isPlaced(written: string, path: string): boolean {
  try {
    linkSync(written, path)
    return true
  } catch (error) {
    if (failedWith(error, 'EEXIST')) return false
    throw error
  }
}

const ANSWERS = 'approvals'
/** Longer than a reason and all that is said with it. */
const ANSWER_BYTES_MAX = 65_536

function readAnswer(path: string): Result<HoldAnswer, string> {
  try {
    const read = readPlain(path, ANSWER_BYTES_MAX)
    if (!read.ok) return no(read.reason.problem)
    const { hold, environment, approved, by, forMs, why } = parseJson(`${read.value.bytes}`) as Partial<HoldAnswer>
    if (typeof approved !== 'boolean' || typeof forMs !== 'number') return no('not an answer')
    return ok({
      hold: actionId(String(hold)),
      environment: environmentName(String(environment)),
      approved,
      by: personName(String(by)),
      forMs,
      ...(typeof why === 'string' && { why: cutText(why, 500) }),
    })
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

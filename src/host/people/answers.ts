import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import { readPlain } from '../../model/host/plain-file.ts'
import { failedWith } from '../../model/host/system-error.ts'
import {
  type ActionId,
  actionId,
  type EnvironmentName,
  environmentName,
  no,
  ok,
  type PersonName,
  personName,
  type Result,
} from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { inPart } from '../state/state-part.ts'

/**
 * A person's answer to a hold, on its way to the gateway: a file that only the state's owner can write. The gateway that
 * runs takes it at once; where none runs, the next one does. No cell has a way to this directory.
 */
export interface HoldAnswer {
  readonly hold: ActionId
  readonly environment: EnvironmentName
  readonly approved: boolean
  readonly by: PersonName
  /** Milliseconds that an approval may be used, from when the gateway hears of it. */
  readonly forMs: number
  readonly why?: string
}

/**
 * Lays an answer down for the gateway. An answer that lies there already stays, and who gave it is told; but a denial takes
 * the place of an approval: it narrows.
 */
export function giveAnswer(stateDirectory: string, answer: HoldAnswer): Result<void, string> {
  return inPart(stateDirectory, ANSWERS, (directory) => giveIn(directory, stateDirectory, answer))
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

/** Tells whether a gateway has heard an answer to this hold and did not take it. */
export function wasRefused(stateDirectory: string, hold: ActionId): boolean {
  return inPart(stateDirectory, ANSWERS, (directory) => existsSync(join(directory, `${hold}.json.refused`)))
}

/** Returns the answer that lies there for the next gateway; undefined where none does. */
export function answerGiven(stateDirectory: string, hold: ActionId): HoldAnswer | undefined {
  return inPart(stateDirectory, ANSWERS, (directory) => answerIn(join(directory, `${hold}.json`)))
}

function answerIn(path: string): HoldAnswer | undefined {
  const answer = readAnswer(path)
  return answer.ok ? answer.value : undefined
}

/** Takes an approval back that lies there for the next gateway; a denial stays. */
export function withdrawAnswer(stateDirectory: string, hold: ActionId): void {
  inPart(stateDirectory, ANSWERS, (directory) => {
    const path = join(directory, `${hold}.json`)
    if (answerIn(path)?.approved) rmSync(path, { force: true })
  })
}

type Deliver = (answer: HoldAnswer) => Promise<Result<void, string>>

export interface AnswerBoxOptions {
  readonly stateDirectory: string
  readonly environment: EnvironmentName
  /** Resolves when the answer is in the ledger; with an error where the gateway does not take it. */
  readonly deliver: Deliver
}

/**
 * The answers that lie in a state for the gateway of one environment. It is looked at when somebody says that one lies
 * there, and for as long as one could not be delivered; what the gateway does not take is kept beside it.
 */
export class AnswerBox {
  readonly #options: AnswerBoxOptions
  readonly #directory: string
  #looking: Promise<void> = Promise.resolve()
  #again: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: AnswerBoxOptions) {
    this.#options = options
    this.#directory = directoryOf(options.stateDirectory)
  }

  /** Delivers what lies there, after whatever is being delivered; resolves when each was tried once. */
  look(): Promise<void> {
    const looked = this.#looking.then(() => this.#look())
    this.#looking = looked.catch(() => undefined)
    return this.#looking
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#again)
  }

  async #look(): Promise<void> {
    if (this.#closed) return
    const { environment, deliver } = this.#options
    let isLeft = false
    // One that fails is tried again at the next look, and keeps no other back.
    for (const name of readdirSync(this.#directory).filter((file) => file.endsWith('.json')))
      isLeft = (await deliverOne(join(this.#directory, name), environment, deliver).catch(() => true)) || isLeft
    clearTimeout(this.#again)
    if (isLeft && !this.#closed) this.#again = setTimeout(() => void this.look(), LOOK_AGAIN_MS)
  }
}

const LOOK_AGAIN_MS = 200

/** Delivers one answer; true where another has taken its place meanwhile, which is for the next look. */
async function deliverOne(path: string, environment: EnvironmentName, deliver: Deliver): Promise<boolean> {
  const answer = readAnswer(path)
  if (answer.ok && answer.value.environment !== environment) return false
  const delivered = answer.ok ? await deliver(answer.value) : answer
  const there = readAnswer(path)
  if (answer.ok && there.ok && !isDeepStrictEqual(there.value, answer.value)) return true
  if (delivered.ok) rmSync(path, { force: true })
  else renameSync(path, `${path}.refused`)
  return false
}

function directoryOf(stateDirectory: string): string {
  const directory = join(stateDirectory, ANSWERS)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

const ANSWERS = 'approvals'
/** Longer than a reason and all that is said with it. */
const ANSWER_BYTES_MAX = 65_536

function readAnswer(path: string): Result<HoldAnswer, string> {
  try {
    const read = readPlain(path, ANSWER_BYTES_MAX)
    if (!read.ok) return no(read.reason.problem)
    const { hold, environment, approved, by, forMs, why } = JSON.parse(`${read.value.bytes}`) as Partial<HoldAnswer>
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

import { isBelow, no, ok, type Result, type Rung } from '../../model/index.ts'
import type { Start } from '../services/starting.ts'
import type { Fences } from '../stop/fences.ts'
import type { EnvironmentGround } from './environment-ground.ts'

export interface BeginRulesOptions {
  readonly ground: Pick<EnvironmentGround, 'cells' | 'config' | 'starting'>
  /** The fence of the state whose stop mark counts. */
  readonly heeds: Pick<Fences, 'stopMark'>
  /** Tells whether an undo of this number is under way. */
  readonly isUndo: (number: number) => boolean
  /** Tells whether the environment is being closed. */
  readonly isClosing: () => boolean
}

/** The rules by which what is being started may begin; each is asked again in the tick in which it would (ST2). */
export class BeginRules {
  readonly #options: BeginRulesOptions

  constructor(options: BeginRulesOptions) {
    this.#options = options
  }

  /**
   * Returns the rung at which a cell would begin; or why it does not: an order to it, to its agent, to all, or to the
   * cell that delegates to it, a configuration that is in force and that it was not built by, or the end of its
   * environment.
   */
  rungOf(start: Start): Result<Rung, string> {
    const { ground, heeds, isClosing } = this.#options
    if (isClosing()) return no(CLOSING)
    const { cells, config, starting } = ground
    const { parent } = start
    const above = parent === undefined ? undefined : starting.stopped(parent)
    if (above !== undefined) return no(`the cell that delegates to it: ${above}`)
    if (parent !== undefined && cells.get(parent) === undefined) return no('the cell that delegates to it has ended')
    if (heeds.stopMark() !== start.stopMark)
      return no('all were ordered to stop while it was starting: start it again where it should run')
    const rung = starting.rungOf(start)
    return rung.ok && start.config !== config ? no(OTHER_CONFIGURATION) : rung
  }

  /**
   * Tells whether a cell may begin at the rung that its gateway was told; an error where its agent was lowered since.
   */
  mayBeginAt(start: Start, told: Rung | undefined): Result<void, string> {
    const rung = this.rungOf(start)
    if (!rung.ok) return rung
    if (told !== undefined && isBelow(rung.value, told))
      return no(`its agent was lowered to ${rung.value} while it was starting: start it again`)
    return ok(undefined)
  }

  /** Tells whether a server may begin that serves the cell, or the undo, of this number. */
  mayServe(number: number): Result<void, string> {
    const { ground, isUndo } = this.#options
    const { cells, starting } = ground
    const start = starting.get(number)
    if (start !== undefined) return this.mayBeginAt(start, start.told)
    const stopped = starting.stopped(number)
    if (stopped !== undefined) return no(stopped)
    return cells.get(number) !== undefined || isUndo(number) ? ok(undefined) : no('what it serves has ended')
  }
}

/** The reason why nothing begins in an environment any more. */
export const CLOSING = 'its environment is being closed'

const OTHER_CONFIGURATION = 'another configuration was applied while it was starting: start it again'

import type { JsonObject, UpstreamName } from '../../model/index.ts'
import type { WardenMessage } from '../link/setup.ts'
import type { Line } from '../pipeline/line.ts'
import { NamedValues, Undoing } from '../pipeline/undo.ts'
import { blankCell } from './admission.ts'
import { authorityAnew, authorityFor, grantsFor } from './authority.ts'
import type { DeskParts } from './gateway-parts.ts'
import type { ServedCell } from './served-cell.ts'

/**
 * Undos under way, each an actor with the environment's grants for undo: nothing is admitted for it, and no cell speaks
 * for it.
 */
export class UndoDesk {
  readonly #options: DeskParts
  readonly #all = new Map<number, { readonly undoing: Undoing; readonly own: readonly Line[] }>()
  /** One compensates at a time: each sees what those before it did. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: DeskParts) {
    this.#options = options
  }

  has(number: number): boolean {
    return this.#all.has(number)
  }

  get numbers(): readonly number[] {
    return [...this.#all.keys()]
  }

  /** Returns the actor of an undo, in the place of a cell. */
  actor(number: number): ServedCell | undefined {
    return this.#all.get(number)?.undoing.cell
  }

  get own(): readonly Line[] {
    return [...this.#all.values()].flatMap(({ own }) => own)
  }

  /** Begins an undo, on a person's word. Throws, with the reason, where none can be. */
  async begin({ number, cell: id, by, why, what }: Extract<WardenMessage, { kind: 'undo' }>): Promise<void> {
    const { rules, gate, lines, protocols, arrivals, send } = this.#options
    const { undo, environment } = rules.setup
    if (undo === undefined) throw new Error(`environment ${environment} grants nothing to undo`)
    const names = new Set<UpstreamName>(undo.grants.map(({ upstream }) => upstream))
    const opened = lines.for(names, number)
    const exposure = new NamedValues()
    const nowMs = gate().nowMs()
    const cell: ServedCell = {
      ...blankCell(nowMs),
      id,
      number,
      authority: authorityFor(rules, {
        agent: undo.name,
        owner: undo.owner,
        grants: grantsFor(undo, nowMs),
        exposure,
        lines: opened.lines,
      }),
      upstreams: opened.lines,
      rung: 'normal',
      labelled: new Set(),
    }
    const { ledger } = gate()
    const about = { cell: id, agent: undo.name, owner: undo.owner, environment, by, why, what }
    const appended = ledger.append({ kind: 'undo.started', ...about })
    if (!appended.ok || !(await ledger.durable(appended.value.seq)).ok) throw new Error('the ledger cannot be written')
    const undoing = new Undoing(gate(), cell, { exposure, protocols, since: appended.value.seq })
    this.#all.set(number, { undoing, own: opened.own })
    arrivals.came()
    send({ kind: 'cell-ready', number })
  }

  /** Has the undos under way decided by the rules as they are now. */
  decideAnew(): void {
    const { rules } = this.#options
    for (const { undoing } of this.#all.values())
      undoing.cell.authority = authorityAnew(rules, undoing.cell, rules.setup.undo)
  }

  /** Compensates effects. Throws where no undo has this number. */
  async compensate({ number, effects }: Extract<WardenMessage, { kind: 'undo-effects' }>): Promise<void> {
    const undoing = this.#all.get(number)?.undoing
    if (undoing === undefined) throw new Error('no undo has this number')
    const mine = this.#turn.then(() => undoing.compensate(effects))
    this.#turn = mine.catch(() => undefined)
    await mine
    this.#options.send({ kind: 'undone', number })
  }

  async end(number: number, receipt: JsonObject): Promise<void> {
    const cell = this.shut(number)
    if (cell !== undefined) await this.#options.gate().recordDurably({ kind: 'undo.ended', cell: cell.id, receipt })
    this.#options.send({ kind: 'cell-closed', number })
  }

  /** Ends an undo at once; returns its actor, if it was under way. */
  shut(number: number): ServedCell | undefined {
    const known = this.#all.get(number)
    this.#all.delete(number)
    known?.undoing.cell.gone.abort()
    if (known !== undefined) this.#options.cutRelays(known.undoing.cell)
    for (const line of known?.own ?? []) line.close()
    this.#options.pipes.forget(number)
    return known?.undoing.cell
  }
}

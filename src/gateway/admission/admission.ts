import type { AgentRungs } from '../../ledger/views/agent-rungs.ts'
import type { SeenLabels } from '../../ledger/views/seen-labels.ts'
import {
  type AgentName,
  cutsOff,
  isBelow,
  type JsonObject,
  type Label,
  lowest,
  type UpstreamName,
} from '../../model/index.ts'
import { SentWords } from '../../policy/index.ts'
import { Pace } from '../fairness/pace.ts'
import { LedgerShare } from '../fairness/share.ts'
import type { AgentSetup, WardenMessage } from '../link/setup.ts'
import type { Line } from '../pipeline/line.ts'
import { recordLabels, redacted } from '../pipeline/record.ts'
import { Refusals } from '../pipeline/refusals.ts'
import type { Door } from '../protocols/protocol.ts'
import { Issuer } from '../trust/issuer.ts'
import type { CellWebSocket } from '../web/door.ts'
import {
  appliedLabels,
  approversOf,
  authorityAnew,
  authorityFor,
  delegationOf,
  exposureOf,
  type Giver,
  grantsFor,
  seenBefore,
  shownAtStart,
  taskJson,
} from './authority.ts'
import type { Delegations } from './delegations.ts'
import type { EnvironmentContext } from './environment-context.ts'
import type { DeskParts } from './gateway-parts.ts'
import type { PastCell, PastCells } from './past-cells.ts'
import type { Rungs } from './rungs.ts'
import { SavedFirst } from './saved-first.ts'
import type { ServedCell } from './served-cell.ts'
import { shutDoors } from './served-cells.ts'

type CellMessage = Extract<WardenMessage, { kind: 'cell' }>

export interface AdmissionOptions extends DeskParts {
  readonly delegations: Delegations
  readonly rungs: Rungs
  /** Opens the door through which a cell speaks. */
  readonly openDoor: (gate: EnvironmentContext, cell: ServedCell) => Door
  /** Opens the door through which it reaches the web. */
  readonly openWeb: (gate: EnvironmentContext, cell: ServedCell) => WebDoors
  /** Labels that cells of an agent have seen. */
  readonly seen: SeenLabels
  readonly pastCells: PastCells
  /** The rungs at which the ledger leaves agents; the fence may have had no room to say so. */
  readonly pastAgents: AgentRungs
}

/** A door that has several sockets of its cell. */
export interface WebDoors {
  listen(sockets: readonly CellWebSocket[]): Promise<void>
  close(): void
}

/** Returns the sockets of a cell at every address, with their descriptors. Throws where one is missing, or too many came. */
function socketsOf({ web = [], cell }: CellMessage, fds: readonly number[]): readonly CellWebSocket[] {
  if (fds.length !== web.length) throw new Error(`cell ${cell} has ${fds.length} of ${web.length} sockets`)
  return web.flatMap((socket, i) => {
    const fd = fds[i]
    return fd === undefined ? [] : [{ ...socket, fd }]
  })
}

/** Cells that come, go on with this gateway after another one, and end. */
export class Admission {
  readonly #options: AdmissionOptions
  /** Words that the cells of an agent have said: they come back to its later cells. */
  readonly #words = new Map<AgentName, SentWords>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Serves a cell on its listeners (descriptors), once its start is in the ledger. Throws, with the reason, where it
   * cannot be served.
   */
  async admit(message: CellMessage, [listener, ...others]: readonly number[]): Promise<void> {
    const { gate, cells, rungs, rules, arrivals, pastCells, pastAgents, send, openDoor, openWeb } = this.#options
    const agent = rules.agent(message.agent)
    if (agent === undefined || listener === undefined) throw new Error(`cell ${message.cell} cannot be served`)
    const past = message.again && pastCells.takeOver(message.cell, agent.name)
    if (message.again !== undefined && past === undefined)
      throw new Error(`cell ${message.cell} is not known well enough`)
    const { cell, own } = this.#cellFor(message, agent, past)
    if (past !== undefined && cutsOff(cell.rung)) {
      // The end of its gateway came before the warden had heard of it.
      rungs.tell(cell)
      throw new Error(`cell ${message.cell} is ${cell.rung}`)
    }
    const door = openDoor(gate(), cell)
    const web = message.web === undefined ? undefined : openWeb(gate(), cell)
    const listening = Promise.all([door.listen(listener), web?.listen(socketsOf(message, others))])
    // In this tick: an order to it that comes next finds it.
    const live = { cell, doors: web === undefined ? [door] : [door, web], own, started: false }
    cells.add(live)
    await listening.catch((error) => {
      cells.remove(message.number)
      throw error
    })
    const recorded = await (past === undefined
      ? this.#recordStart(message, agent, cell)
      : this.#recordTakeOver(message, cell, past))
    if (!recorded) throw new Error('the ledger cannot be written')
    const above = message.parent === undefined ? undefined : cells.get(message.parent)
    if (above !== undefined) rungs.lower(cell, above.rung, 'firebreak', 'the cell that delegated to it stands there')
    const left = pastAgents.rungOf(agent.name)
    if (past === undefined && isBelow(left, lowest(cell.rung, 'watched')))
      rungs.lower(cell, left, 'firebreak', `the ledger has left ${agent.name} there, and no release since`)
    rules.budgets.setAside(cell.authority.grants, gate().nowMs())
    live.started = true
    arrivals.came()
    send({ kind: 'cell-ready', number: message.number })
  }

  /**
   * Has every cell decided by the rules as they are now, from this tick on: what was decided before, and has not left,
   * does not leave. A delegation that its giver's agent may not make any more ends. `raised`: labels that cells carry from
   * now on, by their numbers; a cell is shown nothing more before they are on disk.
   */
  decideAnew(raised: ReadonlyMap<number, readonly Label[]>): void {
    const { gate, cells, rules, delegations } = this.#options
    for (const { cell } of cells.all) {
      const declared = rules.agent(cell.authority.agent)
      // An agent of that name that is declared later is another one, which other people answer for.
      if (declared === undefined) cell.undeclared = true
      const agent = cell.undeclared ? undefined : declared
      cell.authority = authorityAnew(rules, cell, agent)
      cell.authority.exposure.addLabels({ labels: appliedLabels(raised.get(cell.number) ?? []) })
      void recordLabels(gate().ledger, cell)
      for (const given of cell.given.values())
        if (agent?.delegates.includes(given.agent) !== true)
          delegations.end(given, 'the configuration does not allow it any more')
    }
  }

  /**
   * Ends a cell that is gone: what of it was under way ends, its grants with it, and the warden hears that nothing is
   * left.
   */
  async end(number: number, receipt: JsonObject): Promise<void> {
    const cell = this.shut(number)
    if (cell !== undefined) await this.#options.gate().recordDurably({ kind: 'cell.ended', cell: cell.id, receipt })
    this.#options.send({ kind: 'cell-closed', number })
  }

  /** Serves a cell no more; returns the cell, if it was served. */
  shut(number: number): ServedCell | undefined {
    const { cells, rules, delegations, pipes, cutRelays } = this.#options
    const live = cells.live(number)
    if (live === undefined) return undefined
    const { cell } = live
    cells.remove(number)
    cell.rung = 'killed'
    cell.gone.abort()
    rules.budgets.endTask(cell.id)
    delegations.endAllOf(cell, 'the cell that gave it has ended')
    if (cell.givenBy !== undefined) delegations.hasEnded(cell.givenBy)
    shutDoors(live)
    pipes.forget(number)
    cutRelays(cell)
    cell.issuer?.end()
    return cell
  }

  #recordStart({ receipt, task }: CellMessage, agent: AgentSetup, cell: ServedCell): Promise<boolean> {
    return this.#options.gate().recordDurably({
      kind: 'cell.started',
      cell: cell.id,
      agent: agent.name,
      owner: agent.owner,
      environment: this.#options.rules.environment,
      receipt,
      labels: [...cell.authority.exposure.labels.keys()],
      ...approversOf(agent),
      ...(task && { task: redacted(taskJson(task)) }),
      ...(cell.givenBy && { delegation: cell.givenBy.id }),
    })
  }

  /** Records that a cell goes on. What it had delegated has ended with its gateway. */
  async #recordTakeOver({ again }: CellMessage, cell: ServedCell, { given }: PastCell): Promise<boolean> {
    const { ledger, recordDurably } = this.#options.gate()
    const why = again?.why ?? ''
    const { rung, authority } = cell
    const labels = [...authority.exposure.labels.keys()]
    const { agent, environment } = authority
    const recorded = recordDurably({ kind: 'cell.taken-over', cell: cell.id, agent, environment, why, rung, labels })
    for (const delegation of given) ledger.append({ kind: 'delegation.ended', delegation, why })
    const labelled = recordLabels(ledger, cell)
    return (await recorded) && ((await labelled) ?? true)
  }

  #cellFor(
    message: CellMessage,
    agent: AgentSetup,
    past: PastCell | undefined,
  ): { readonly cell: ServedCell; readonly own: readonly Line[] } {
    const { number, cell: id, labels, parent, rung = 'normal' } = message
    const { lines, gate, delegations, send } = this.#options
    const giver = parent === undefined ? undefined : delegations.giverFor(parent, agent.name)
    const granted = new Set(giver?.cell.upstreams.keys() ?? agent.grants.map(({ upstream }) => upstream))
    const issuer = message.issuer && Issuer.open(message.issuer)
    if (issuer?.ok === false) throw new Error(`cell ${id}: its issuer: ${issuer.reason}`)
    const opened = lines.for(granted, number)
    const nowMs = gate().nowMs()
    const cell: ServedCell = {
      ...blankCell(nowMs, past === undefined ? undefined : 0),
      sinceMs: message.again?.sinceMs ?? nowMs,
      id,
      number,
      authority: this.#authorityOf(message, agent, { past, giver, lines: opened.lines, nowMs }),
      upstreams: opened.lines,
      // Whoever delegates to it may have been lowered since.
      rung: past === undefined ? lowest(rung, giver?.cell.rung ?? 'normal') : lowest(rung, past.rung, 'watched'),
      labelled: new Set([...labels, ...(past?.labels ?? [])]),
      ...(agent.checkpoints && {
        savedFirst: {
          files: new SavedFirst(() => send({ kind: 'checkpoint', number })),
          required: agent.checkpoints.required,
        },
      }),
      ...(issuer && { issuer: issuer.value }),
      ...(giver && { givenBy: giver.given }),
    }
    if (giver !== undefined) {
      giver.given.state = 'running'
      giver.given.cell = cell
    }
    return { cell, own: opened.own }
  }

  #authorityOf(
    { cell: id, labels, lived, landed = [], task, again }: CellMessage,
    agent: AgentSetup,
    { past, giver, lines, nowMs }: Beginning,
  ): ServedCell['authority'] {
    const { seen, rules } = this.#options
    const words = this.#wordsOf(agent)
    // What it had said is not in the ledger: it may name what its task names, and nothing becomes known any more.
    if (past !== undefined) words.forgetAll()
    const shown = [
      ...labels,
      ...(lived === undefined ? [] : seen.in(agent.name, lived)),
      ...landed.flatMap((work) => seen.landed(work)),
    ]
    const initial = new Map([...(past === undefined ? [] : seenBefore([...past.labels])), ...shownAtStart(shown)])
    return authorityFor(rules, {
      agent: agent.name,
      owner: agent.owner,
      // What was delegated to it is all that it may do.
      grants: giver === undefined ? grantsFor(agent, again?.sinceMs ?? nowMs, task && id) : [],
      ...exposureOf(initial, task, giver?.cell.authority.exposure, words),
      above: giver && delegationOf(giver),
      lines,
    })
  }

  #wordsOf({ name }: AgentSetup): SentWords {
    const words = this.#words.get(name) ?? new SentWords()
    this.#words.set(name, words)
    return words
  }
}

interface Beginning {
  /** The rest that another gateway has left of the cell. */
  readonly past: PastCell | undefined
  readonly giver: Giver | undefined
  readonly lines: ReadonlyMap<UpstreamName, Line>
  readonly nowMs: number
}

/**
 * Returns what every cell begins with. `left`: what is left of its shares; nothing of a cell whose gateway was lost, since
 * that is not known.
 */
export function blankCell(nowMs: number, left?: 0) {
  return {
    sinceMs: nowMs,
    gone: new AbortController(),
    underWay: 0,
    share: new LedgerShare(nowMs, left),
    pace: new Pace(nowMs, undefined, left),
    refusals: new Refusals(nowMs, left),
    asked: new Map(),
    given: new Map(),
  } satisfies Partial<ServedCell>
}

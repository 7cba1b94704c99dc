import type { Cell, Warden } from '../../cells/driver.ts'
import type { Agent } from '../../config/config.ts'
import type { Noted } from '../../gateway/link/setup.ts'
import {
  type AgentName,
  asJson,
  type CheckpointId,
  type CheckpointRestored,
  cutsOff,
  type Json,
  type JsonObject,
  no,
  ok,
  personName,
  type Result,
  type Rung,
} from '../../model/index.ts'
import { cutText } from '../../model/text/text.ts'
import { BOUNDS_DEFAULT, type Bounds } from '../../recovery/bounds.ts'
import type { Checkpoint } from '../../recovery/checkpoint.ts'
import type { FilesAsk } from '../people/control-request.ts'
import { NOT_HELD } from '../people/control-socket.ts'
import type { State } from '../state/state.ts'
import {
  findCheckpoint,
  type Made,
  madeEntry,
  makeCheckpoint,
  restoreCheckpoint,
  storeOf,
  type WantedCheckpoint,
} from './checkpoints.ts'
import { commitWanted, containedNow, wantedFrom } from './commit.ts'
import { tellUntold, type UntoldEntry } from './untold.ts'
import { workspaceFaultText } from './workspace-fault.ts'
import { agentOf } from './workspace-names.ts'

/** A cell that lives on a workspace. */
export interface HeldWorkspace {
  /** Name of the workspace in the state. */
  readonly workspace: string
  readonly cell: Cell
  readonly agent: Agent
  /** The rung of its agent, lowered in the tick of each order. */
  readonly rung: Rung
  /** Ends it, runs `then` when nothing of it is left, and lets its command begin anew. */
  readonly again?: (then: () => Promise<Result<void, string>>) => Promise<Result<void, string>>
}

export interface DeskOptions {
  readonly warden: Warden
  readonly state: State
  /** The environment's agents. */
  readonly agents: readonly Agent[]
  readonly held: () => readonly HeldWorkspace[]
  /** Returns where an agent stands, by the orders that hold before a fence has them, too; or why it is cut off. */
  readonly standing: (agent: AgentName) => Result<Rung, string>
  /** True when the ledger has it. */
  readonly record: (entry: Noted) => Promise<boolean>
}

/** The files of a run's live workspaces: saved when it is time, and when a person or the gateway asks. */
export class FilesDesk {
  readonly #options: DeskOptions
  /** One thing at a time with each workspace. */
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #timers = new Map<HeldWorkspace, NodeJS.Timeout>()
  #telling: Promise<void> = Promise.resolve()

  constructor(options: DeskOptions) {
    this.#options = options
    void this.tellUntold()
  }

  /** Tells the gateway that serves now what none has taken, after whatever is being told. */
  tellUntold(): Promise<void> {
    const { directory } = this.#options.state
    const told = this.#telling.then(() => tellUntold(directory, (entry) => this.#tell(entry)))
    this.#telling = told.catch(() => undefined)
    return this.#telling
  }

  close(): void {
    for (const timer of this.#timers.values()) clearInterval(timer)
    this.#timers.clear()
  }

  /** Saves a workspace on its schedule, until its cell has ended. */
  watch(held: HeldWorkspace): void {
    const everyMs = held.agent.cell.checkpoints?.everyMs
    if (everyMs === undefined) return
    const wanted = { occasion: 'scheduled', by: 'firebreak', why: 'it was time' } as const
    const timer = setInterval(() => {
      // One that takes longer than its time is not followed by a queue of others.
      if (!this.#turns.has(held.workspace)) void this.save(held, wanted).catch(() => undefined)
    }, everyMs)
    timer.unref()
    this.#timers.set(held, timer)
    void held.cell.exited.then(() => {
      clearInterval(timer)
      this.#timers.delete(held)
    })
  }

  /** Saves the files of a live cell while it stands still; in the ledger when this returns. */
  save(held: HeldWorkspace, wanted: WantedCheckpoint): Promise<Result<Made, string>> {
    return this.#inTurn(held.workspace, async () => {
      const {
        warden: { workspaces },
        state,
      } = this.#options
      const made = await makeCheckpoint(workspaces, state.workspace(held.workspace), wanted, boundsOf(held.agent))
      if (!made.ok) return no(workspaceFaultText(made.reason))
      if (made.value.unchanged) return made
      const told = await this.#tell(madeEntry(made.value, held.workspace, held.cell.id))
      return told ? made : no('the ledger cannot be written')
    })
  }

  async #inTurn<T>(workspace: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(workspace) ?? Promise.resolve()
    const turn = before.then(act, act)
    this.#turns.set(workspace, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(workspace) === turn) this.#turns.delete(workspace)
    }
  }

  /** False where it is about no agent of this environment, or the ledger does not take it. */
  #tell(entry: UntoldEntry): Promise<boolean> {
    const { agents, record } = this.#options
    if (entry.kind === 'cell.contained')
      return agents.some(({ name }) => name === entry.agent) ? record(entry) : Promise.resolve(false)
    const agent = agentOf(entry.workspace, agents)
    return agent === undefined ? Promise.resolve(false) : record({ ...entry, agent })
  }

  /** Follows a person's wish about a workspace that a cell lives on. */
  async follow({ what, workspace, detail }: FilesAsk): Promise<Followed> {
    const held = this.#options.held().find((each) => each.workspace === workspace)
    if (held === undefined) return { ok: false, said: NOT_HELD }
    const done = await this.#done(what, held, detail)
    return done.ok ? { ok: true, said: 'done', files: done.value } : { ok: false, said: done.reason }
  }

  async #done(what: FilesAsk['what'], held: HeldWorkspace, detail: JsonObject): Promise<Result<Json, string>> {
    switch (what) {
      case 'checkpoint': {
        const made = await this.save(held, { occasion: 'asked', ...who(detail), ...named(detail) })
        return made.ok ? ok(asJson({ ...made.value, cell: held.cell.id })) : made
      }
      case 'commit':
        return this.#commit(held, detail)
      case 'restore':
        return this.#restore(held, detail)
    }
  }

  /** Saved, then landed as it stood at one moment; in between the cell may have gone on, and is not held back. */
  async #commit(held: HeldWorkspace, detail: JsonObject): Promise<Result<Json, string>> {
    const {
      warden: { workspaces },
      state,
    } = this.#options
    const { by } = who(detail)
    const saved = await this.save(held, { occasion: 'before', by, why: 'before its changes were landed' })
    if (!saved.ok && detail.save !== false) return no(`what is there now cannot be saved first: ${saved.reason}`)
    const landing = await this.#inTurn(held.workspace, () =>
      commitWanted(workspaces, state.workspace(held.workspace), wantedFrom(detail.wanted ?? null), held.agent.name),
    )
    return landing.ok ? ok(asJson(landing.value)) : no(workspaceFaultText(landing.reason))
  }

  async #restore(held: HeldWorkspace, detail: JsonObject): Promise<Result<Json, string>> {
    const {
      warden: { workspaces },
      state,
    } = this.#options
    const { again, workspace, cell } = held
    const standing = this.#mayRestore(held)
    if (!standing.ok) return standing
    const changes = state.workspace(workspace)
    const checkpoint = findCheckpoint(storeOf(changes), String(detail.checkpoint))
    if (checkpoint === undefined) return no(`there is no checkpoint ${detail.checkpoint}`)
    if (again === undefined) return no(`${cell.id} serves an agent: end its run first`)
    const { by, why } = who(detail)
    let before: Checkpoint | undefined
    if (detail.save !== false) {
      const saved = await this.save(held, { occasion: 'before', by, why: `before ${checkpoint.id} was restored` })
      if (!saved.ok) return no(`what is there now cannot be saved first: ${saved.reason}`)
      before = saved.value.checkpoint
    }
    // It was saved as slowly as its files are large, which the cell chooses: asked again in the tick that ends it.
    const still = this.#mayRestore(held)
    if (!still.ok) return still
    const done = await again(async () => {
      const may = this.#mayRestore(held)
      if (!may.ok) return no(`${cell.id} was ended, and nothing restored: ${may.reason}`)
      const restored = await restoreCheckpoint(workspaces, changes, checkpoint)
      if (!restored.ok) return no(workspaceFaultText(restored.reason))
      const entry = restoredEntry({ checkpoint, workspace, by, why, restoredAtMs: restored.value, before: before?.id })
      return (await this.#tell({ ...entry, cell: cell.id })) ? ok(undefined) : no('the ledger cannot be written')
    })
    return done.ok ? ok(asJson({ checkpoint, before: before?.id ?? null, cell: cell.id })) : done
  }

  /**
   * Refuses a restore under a contained agent: its command would not begin anew, and what stands still there is evidence. An
   * order holds here first, also where the cell has ended by then, and in the fence on disk later.
   */
  #mayRestore({ agent: { name }, rung }: HeldWorkspace): Result<void, string> {
    const fenced = containedNow(this.#options.state.directory, name)
    if (!fenced.ok) return fenced
    const standing = this.#options.standing(name)
    const ordered = standing.ok ? undefined : `${name}: ${standing.reason}`
    const contained = fenced.value?.text ?? ordered ?? (cutsOff(rung) ? `${name} is ${rung}` : undefined)
    if (contained === undefined) return ok(undefined)
    return no(`${contained}. Release it, or kill it and restore without --restart`)
  }
}

interface Followed {
  readonly ok: boolean
  readonly said: string
  readonly files?: Json
}

export function boundsOf(agent: Agent | undefined): Bounds {
  const plan = agent?.cell.checkpoints
  return { keep: plan?.keep ?? BOUNDS_DEFAULT.keep, bytesMax: plan?.bytesMax ?? BOUNDS_DEFAULT.bytesMax }
}

export function restoredEntry(done: {
  readonly checkpoint: Checkpoint
  readonly workspace: string
  readonly by: CheckpointRestored['by']
  readonly why: string
  readonly restoredAtMs: number
  readonly before: CheckpointId | undefined
}): Omit<CheckpointRestored, 'agent'> {
  const { checkpoint, before, ...rest } = done
  return { kind: 'checkpoint.restored', checkpoint: checkpoint.id, ...rest, ...(before && { before }) }
}

/** Written by the command line, and read again as if by anybody. */
function who(detail: JsonObject) {
  return { by: personName(String(detail.by)), why: cutText(String(detail.why), 500) }
}

function named({ name }: JsonObject): { readonly name?: string } {
  return typeof name === 'string' ? { name } : {}
}

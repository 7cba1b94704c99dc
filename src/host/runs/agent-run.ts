import { constants } from 'node:os'
import type { Cell, Pump, Streams } from '../../cells/driver.ts'
import type { CellSpec, Exit, TeardownReceipt } from '../../cells/spec.ts'
import type { CellId, UpstreamName } from '../../model/index.ts'
import type { EnvironmentRun } from '../environment/environment-run.ts'
import type { LaunchAsk } from '../environment/hosted-cell.ts'
import type { ServerLimits } from '../services/servers.ts'

/** The program of an agent as a person has it run: each time that its command begins, by the configuration in force. */
export interface RunPlan extends Omit<LaunchAsk, 'stdio' | 'onTakenOver'> {
  /** Returns how the cell gets its streams; asked at each launch, since a terminal has another size by then. */
  readonly stdio: () => CellSpec['stdio']
  /** The person's own; they stay open. */
  readonly streams: Streams
  readonly heard: (event: RunEvent) => void
}

/** A thing that a person hears while their agent runs. */
export type RunEvent =
  /** The cell stands, or does not: what took long is over. */
  | { readonly kind: 'launched' }
  /** The gateway was lost, and the cell goes on with another. */
  | { readonly kind: 'taken-over'; readonly why: string }
  /** The files were restored, and the command begins anew. */
  | { readonly kind: 'again' }

/** The end of a run, as plain JSON. */
export type RunEnd =
  | { readonly kind: 'not-started'; readonly why: string }
  | {
      readonly kind: 'ended'
      readonly cell: CellId
      readonly exit: Exit
      readonly teardown: TeardownReceipt
      /** The reason, when the cell was ended because its gateway was lost. */
      readonly lost?: string
      /** The reason why its files could not be restored, for which it was ended. */
      readonly unrestored?: string
      /** Paths of its workspace that it did not see. */
      readonly hidden: readonly string[]
      /** The limits that servers ran into. */
      readonly servers: readonly (readonly [UpstreamName, ServerLimits])[]
    }

/**
 * One run of an agent's program, from a person's ask to its end; its command begins anew where its files were restored.
 *
 * - AR1  Once `kill` was called, no cell of it begins.
 */
export class AgentRun {
  readonly #environment: EnvironmentRun
  readonly #plan: RunPlan
  readonly ended: Promise<RunEnd>
  #cell: Cell | undefined
  #pump: Pump | undefined
  #isOver = false
  #asked = 0

  constructor(environment: EnvironmentRun, plan: RunPlan) {
    this.#environment = environment
    this.#plan = plan
    this.ended = this.#run()
  }

  /** Sends a person's signal to the command. An agent may be deaf to the first that ends; whoever asks twice means it. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGWINCH') return this.#pump?.resized()
    if (ENDING.has(signal) && ++this.#asked > 1) void this.#cell?.halt('killed')
    else this.#cell?.signal(constants.signals[signal])
  }

  /** Ends it at once, also where it has not begun. */
  kill(): void {
    this.#isOver = true
    void this.#cell?.halt('killed')
  }

  async #run(): Promise<RunEnd> {
    for (;;) {
      const end = await this.#runOnce()
      if (end !== 'again') return end
      this.#plan.heard({ kind: 'again' })
    }
  }

  async #runOnce(): Promise<RunEnd | 'again'> {
    const { stdio, streams, heard, ...ask } = this.#plan
    const onTakenOver = (why: string) => heard({ kind: 'taken-over', why })
    const launched = await this.#environment.launch({ ...ask, stdio: stdio(), onTakenOver })
    heard({ kind: 'launched' })
    if (!launched.ok) return { kind: 'not-started', why: launched.reason }
    const { cell, ended } = launched.value
    this.#asked = 0
    const pump = cell.pump(streams)
    this.#pump = pump
    this.#cell = cell
    const begun = this.#isOver ? NOBODY_THERE : cell.start()
    // An order came in its last moment, or whoever asked is gone.
    if (!begun.ok) await cell.teardown()
    const { exit, teardown, lost, again } = await ended
    this.#cell = undefined
    await pump.done
    this.#pump = undefined
    if (!begun.ok) return { kind: 'not-started', why: begun.reason }
    if (again?.ok && teardown.gone && !this.#isOver) return 'again'
    return {
      kind: 'ended',
      cell: cell.id,
      exit,
      teardown,
      ...(lost !== undefined && { lost }),
      ...(again?.ok === false && { unrestored: again.reason }),
      hidden: cell.receipt.workspace?.hidden ?? [],
      servers: [...this.#environment.serverLimits()],
    }
  }
}

const NOBODY_THERE = { ok: false, reason: 'whoever asked for it is gone' } as const

const ENDING: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])

/** Signals that a run passes on to its agent. */
export const FORWARDED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']

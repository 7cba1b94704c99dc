/**
 * The driver of tests: its cells are objects of this process that play a script, so that what is above a driver is tested
 * in milliseconds. It holds none of the promises, and no build registers it.
 */
import { no, ok, type Result } from '../../model/result.ts'
import type { Census, Look, Reaped } from '../census.ts'
import type { Driver, Warden } from '../driver.ts'
import type { CellAbout, CellSpec, LaunchFault, Profile } from '../spec.ts'
import { checkWords } from '../spec-words.ts'
import { NO_WORKSPACES } from '../workspace.ts'
import type { Faults } from './faults.ts'
import { listenersFor, MemoryCell } from './memory-cell.ts'
import type { ScriptedProgram } from './program.ts'

/** A memory driver, with what a test needs of it besides the port. */
export interface MemoryDriver extends Driver {
  readonly census: Census
  /** Faults that are planted; a test sets and deletes them. */
  readonly faults: Faults
  open(options: { readonly profile?: Profile }): Promise<Result<MemoryWarden, never>>
}

/** A warden that a test can kill. */
export interface MemoryWarden extends Warden {
  /** Ends it as a kill would: its cells end, and all else is left for the next one. */
  die(): void
}

/** One warden's cells, for as long as something of them is left. */
interface Run {
  readonly name: string
  alive: boolean
  readonly cells: Map<
    string,
    { readonly cell: MemoryCell; readonly about: CellAbout | undefined; readonly changes?: string }
  >
}

const PLACE = '/memory'

/** `programs`: by the first word of a command. */
export function memoryDriver(programs: ReadonlyMap<string, ScriptedProgram>): MemoryDriver {
  const faults: Faults = {}
  const runs = new Set<Run>()
  const standing = () => [...runs].flatMap(({ cells }) => [...cells.values()])

  const reap = async (): Promise<readonly Reaped[]> => {
    const dead = [...runs].filter(({ alive }) => !alive)
    return dead.map((run) => {
      const { name, cells } = run
      const left = faults.reap === undefined ? [] : [faults.reap]
      if (left.length === 0) runs.delete(run)
      const noted = [...cells.values()].flatMap(({ cell, about }) =>
        about === undefined ? [] : [{ cell: cell.id, about }],
      )
      return { run: name, cells: [...cells.keys()], noted, gateways: [], left }
    })
  }

  const look = (): Look => {
    const cells = standing().map(({ cell, about }) => ({
      cell: cell.id,
      uid: process.geteuid?.(),
      about,
      frozen: cell.isFrozen(),
      begun: cell.hasBegun(),
      end: () => cell.drop(),
    }))
    return { cells, cuts: [] }
  }

  return {
    name: 'memory',
    faults,
    census: {
      runDirectories: () => [PLACE],
      users: () => [],
      look,
      notesOf: (_, id) =>
        standing().flatMap(({ cell, about }) => (cell.id === id && about !== undefined ? [about] : [])),
      noteIn: () => undefined,
      wardens: () => ([...runs].some(({ alive }) => alive) ? [process.pid] : []),
      reap,
    },
    abilities: async () => ({ kernel: 'none: cells of this driver are objects', findings: [], promises: [] }),
    unfit: (profile) => {
      if (faults.fit === undefined) return undefined
      return { kind: 'profile', problem: `the ${profile} profile: ${faults.fit}`, fix: 'take the fault away' }
    },
    refusal: (spec) => {
      const checked = checkWords(spec)
      return checked.ok ? undefined : checked.reason
    },
    async open({ profile = 'user' }) {
      const reaped = await reap()
      const run: Run = { name: `r_${runs.size}`, alive: true, cells: new Map() }
      runs.add(run)
      return ok({
        profile,
        runDirectory: PLACE,
        reaped,
        workspaces: NO_WORKSPACES,
        recordGateway: () => ok(undefined),
        async launch(spec, mayBegin = () => ok(undefined)) {
          const program = programFor(spec)
          if (!program.ok) return program
          const listeners = listenersFor({ spec, faults })
          if (!listeners.ok) return no({ kind: 'failed', step: 'listener', problem: listeners.reason })
          const onGone = () => void run.cells.delete(spec.id)
          const cell = new MemoryCell(
            { spec, profile, program: program.value, faults, mayBegin, onGone },
            listeners.value,
          )
          const changes = spec.workspace?.changes
          run.cells.set(spec.id, { cell, about: spec.about, ...(changes !== undefined && { changes }) })
          return ok(cell)
        },
        async close() {
          await Promise.all([...run.cells.values()].map(({ cell }) => cell.teardown()))
          if (run.cells.size === 0) runs.delete(run)
        },
        die() {
          run.alive = false
          for (const { cell } of run.cells.values()) cell.drop()
        },
      })
    },
  }

  function programFor(spec: CellSpec): Result<ScriptedProgram, LaunchFault> {
    const checked = checkWords(spec)
    if (!checked.ok) return checked
    if (faults.launch !== undefined) return no({ kind: 'failed', step: 'launch', problem: faults.launch })
    const changes = spec.workspace?.changes
    const holder = changes === undefined ? undefined : standing().find((each) => each.changes === changes)
    if (holder !== undefined && spec.workspace !== undefined)
      return no({ kind: 'workspace', path: spec.workspace.lower, problem: `in use by ${holder.cell.id}` })
    const program = programs.get(spec.command[0])
    return program === undefined ? no({ kind: 'spec', field: 'command', problem: 'no such program' }) : ok(program)
  }
}

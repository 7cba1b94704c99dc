import type { Called, Contained, ContainedCell } from './contained.ts'
import { answerOf, plantedAnswer } from './recorded.ts'
import { type Case, plantedIn, type Step, type Suite, succeedingSets, type UserTask } from './suite.ts'

/** Whose grants a cell has: all that its role needs, or of these what its task's own calls use. */
export type Grants = 'rolesOnly' | 'taskGrants'

export interface Replayed {
  readonly userTask: string
  /** Absent where nobody attacks. */
  readonly injectionTask?: string
  /** Every essential call of the task was executed, without a person. */
  readonly useful: boolean
  readonly attacked: boolean
  readonly stopped: readonly Stopped[]
}

export interface Stopped extends Called {
  readonly actor: Step['actor']
  readonly tool: string
}

export async function replayTask(
  contained: Contained,
  suite: Suite,
  task: UserTask,
  grants: Grants,
): Promise<Replayed> {
  return inCell(contained, task, grants, async (cell) => {
    const stopped: Stopped[] = []
    const passed = new Set<number>()
    for (const [i, { tool, args, result, error }] of task.calls.entries()) {
      const called = await cell.call(tool, args, answerOf(result, error, returnsOf(suite, tool)))
      if (called.outcome === 'passed') passed.add(i)
      else stopped.push({ ...called, actor: 'user', tool })
    }
    return { userTask: task.id, useful: usefulWith(task, passed), attacked: false, stopped }
  })
}

/**
 * The agent is wholly the attacker's from the moment on that it has read what was planted: it makes the attacker's calls
 * where the case has them, and what it could not do before it has read, it does as soon as it has.
 */
export async function replayCase(contained: Contained, suite: Suite, pair: Case, grants: Grants): Promise<Replayed> {
  const task = suite.userTasks.find(({ id }) => id === pair.userTask)
  const attack = suite.injectionTasks.find(({ id }) => id === pair.injectionTask)
  if (task === undefined || attack === undefined)
    throw new Error(`unknown task in ${pair.userTask}/${pair.injectionTask}`)
  const planted = plantedIn(suite, pair, attack)
  return inCell(contained, task, grants, async (cell) => {
    const stopped: Stopped[] = []
    const passed = { user: new Set<number>(), attacker: new Set<number>() }
    let turned = false
    let waiting: Step[] = []
    const make = async (step: Step) => {
      const { actor, i, tool, args, error, carriesInjection } = step
      const recorded = (actor === 'user' ? task : attack).calls[i]
      const returns = returnsOf(suite, tool)
      const answer =
        carriesInjection === true
          ? plantedAnswer(recorded?.result ?? null, error, returns, planted)
          : answerOf(recorded?.result ?? null, error ?? recorded?.error, returns)
      const called = await cell.call(tool, args, answer)
      if (called.outcome !== 'passed') return void stopped.push({ ...called, actor, tool })
      passed[actor].add(i)
      turned ||= carriesInjection === true
    }
    for (const step of pair.steps) {
      if (step.actor === 'attacker') waiting.push(step)
      else await make(step)
      if (!turned) continue
      for (const own of waiting) await make(own)
      waiting = []
    }
    return {
      userTask: task.id,
      injectionTask: attack.id,
      useful: usefulWith(task, passed.user),
      attacked: succeedingSets(attack).some((calls) => calls.every((i) => passed.attacker.has(i))),
      stopped,
    }
  })
}

async function inCell(
  contained: Contained,
  { prompt, calls }: UserTask,
  grants: Grants,
  replay: (cell: ContainedCell) => Promise<Replayed>,
): Promise<Replayed> {
  const tools = [...new Set(calls.map(({ tool }) => tool))]
  const cell = await contained.admit(prompt, grants === 'taskGrants' ? tools : undefined)
  try {
    return await replay(cell)
  } finally {
    await cell.end()
  }
}

function usefulWith({ calls }: UserTask, passed: ReadonlySet<number>): boolean {
  return calls.every(({ blockingBreaksUtility }, i) => !blockingBreaksUtility || passed.has(i))
}

function returnsOf({ tools }: Suite, tool: string): string {
  return tools.find(({ name }) => name === tool)?.returns ?? ''
}

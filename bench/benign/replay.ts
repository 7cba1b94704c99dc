import type { Called, Contained } from '../agentdojo/contained.ts'
import { type Answers, type Domain, kindOf, requestOf, type Task } from './domain.ts'

export interface Made extends Called {
  readonly task: string
  readonly tool: string
  readonly kind: 'read' | 'write' | undefined
}

/** In a cell of its own, whose task is what the customer says. */
export async function replayHonest(
  contained: Contained,
  domain: Domain,
  answers: Answers,
  task: Task,
): Promise<readonly Made[]> {
  const cell = await contained.admit(requestOf(task))
  const made: Made[] = []
  try {
    // Only what the task itself lists is counted.
    for (const lookup of answers.lookups(task)) await cell.call(lookup.tool, lookup.args, answers.to(lookup, task))
    for (const { requestor, tool, args } of task.actions) {
      if (requestor !== 'assistant') continue
      const called = await cell.call(tool, args, answers.to({ tool, args }, task))
      made.push({ ...called, task: task.id, tool, kind: kindOf(domain, tool) })
    }
  } finally {
    await cell.end()
  }
  return made
}

import type { GitGround } from './sending.ts'

/** Does a work of a cell in steps, each in its turn; before each the work yields the bytes that are left. */
export async function inTurns<Done>({ gate, cell }: GitGround, work: Generator<number, Done, void>): Promise<Done> {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    await gate.slices.take(cell, step.value)
  }
}

/** One step of a scripted program. */
export type ScriptStep =
  | { readonly say: string }
  | { readonly forMs: number }
  /** Ends the program as a shell would have it. */
  | { readonly end: number }

/** A program as the cells of this driver play it: its steps, one after the other; without an `end` it ends with 0. */
export type ScriptedProgram = (command: readonly string[]) => Iterable<ScriptStep>

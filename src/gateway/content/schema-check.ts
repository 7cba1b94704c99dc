import type { Json } from '../../model/index.ts'

export interface CheckFault {
  /** Names and indexes from the value down. */
  readonly keys: readonly (string | number)[]
  readonly problem: string
}

/** A schema that cannot be checked, in words for a person. */
export class NotASchema extends Error {}

/** Thrown out of a check that goes on for too long; the value is then refused. */
export class TooManySteps extends Error {}

/** The compiler as a keyword sees it. */
export interface Compiler {
  /** One compiled schema: a later mention of the same is the same. What it is made of is compiled after this returns. */
  readonly at: (schema: Json) => SchemaCheck
  /** `$ref` and `$dynamicRef`: a document without parts of other addresses has one place for each. */
  readonly referred: (reference: string) => SchemaCheck
  /** Asked before a pattern is compiled: all of a schema's together have one limit. */
  readonly spendPattern: (size: number) => void
}

/** One check under way. */
export interface Run {
  steps: number
  patternSteps: number
  depth: number
  /** Texts of values that several schemas ask for, each made once. */
  readonly texts: Map<object, string>
  readonly names: Map<object, readonly string[]>
  /** Above zero a fault says nothing: another branch may be right. */
  muted: number
  /** The fault on its way up, with its keys from the innermost out. */
  fault: (CheckFault & { readonly keys: (string | number)[] }) | undefined
}

/** `seen` gathers which members of the value some schema has spoken of; absent where nobody asks. */
export type SchemaCheck = (value: Json, run: Run, seen: SeenMembers | undefined) => boolean

/** The members of one object, or the items of one list, that have been judged: annotations of JSON Schema 2020-12. */
export class SeenMembers {
  readonly names = new Set<string>()
  readonly items = new Set<number>()
  /** All items before this one. */
  itemsTo = 0
  allNames = false

  add(other: SeenMembers, run: Run): void {
    spend(run, other.names.size + other.items.size)
    for (const name of other.names) this.names.add(name)
    for (const item of other.items) this.items.add(item)
    this.itemsTo = Math.max(this.itemsTo, other.itemsTo)
    this.allNames ||= other.allNames
  }
}

export function spend(run: Run, steps: number): void {
  run.steps -= steps
  if (run.steps < 0) throw new TooManySteps('it takes too long to check')
}

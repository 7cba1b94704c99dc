import type { Problem, Source } from '../../model/index.ts'
import { knownNames } from '../known-names.ts'
import type { ShapedConfig } from '../schema.ts'
import type { FilesBeside } from './file-beside.ts'

/** A configuration that is being judged: its shape, and the problems found so far. */
export interface Judge {
  readonly file: string
  readonly shaped: ShapedConfig
  readonly variables: { readonly node: string }
  readonly problems: Problem[]
  /** Reads files that its entries name. */
  readonly beside: FilesBeside
}

/** Adds a problem, and returns undefined. */
export function report(judge: Judge, source: Source, message: string, expected?: string): undefined {
  judge.problems.push({ source, message, ...(expected === undefined ? {} : { expected }) })
  return undefined
}

/** Returns declared names as a problem expects one of them. */
export function namesOf(map: ReadonlyMap<string, unknown>): string {
  return map.size === 0 ? 'one that is declared, and none is' : knownNames(map.keys())
}

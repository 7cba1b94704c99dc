import { parseWith } from '../../src/policy/cedar/load/parse.ts'
import type { parsePolicies } from '../../src/policy/index.ts'
import { CEDAR } from '../policy/fixture.ts'

/** Parses policies as a start does, in one thread for all that a test file judges. */
export const parseHere: typeof parsePolicies = (sources, grants, catalogue, { agents } = {}) =>
  parseWith(CEDAR, sources, grants, catalogue, agents)

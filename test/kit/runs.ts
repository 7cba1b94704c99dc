import process from 'node:process'

/** Returns how often something is tried: `quick` times in the inner loop, `long` times under `npm run test:long`. */
export function runs(quick: number, long: number): number {
  return process.env.LONG_RUNS === undefined ? quick : long
}

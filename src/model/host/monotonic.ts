import process from 'node:process'

/** Returns the microseconds of a clock that every process of this host shares and nobody sets. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

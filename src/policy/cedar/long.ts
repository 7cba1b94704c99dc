/**
 * Tells whether a value is one of Cedar's 64-bit integers. As VA1 has it, one that is exact as a number is a number.
 */
export function isLong(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** Returns a Cedar Long as `Value` has it; undefined where it does not fit 64 bits. */
export function long(value: bigint): number | bigint | undefined {
  if (!fits(value)) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Tells whether a value fits 64 bits, signed. */
export function fits(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 63n
}

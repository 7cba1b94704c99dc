/**
 * Cedar's 64-bit integers. As VA1 has it, one that is exact as a number is a number.
 */
export function isLong(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** Nothing if it does not fit. */
export function long(value: bigint): number | bigint | undefined {
  if (!fits(value)) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** In 64 bits, signed. */
export function fits(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 63n
}

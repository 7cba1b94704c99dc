/** Tells whether an error is one of the system's, with one of these codes (`ENOENT`, `EACCES`, …). */
export function failedWith(error: unknown, ...codes: readonly string[]): error is Error {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

import process from 'node:process'

/** Returns the processor time of this process in ms, which a machine that others have loaded does not lengthen. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

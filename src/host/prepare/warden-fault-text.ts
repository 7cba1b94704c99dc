import type { WardenFault } from '../../cells/driver.ts'

/** Returns what a person reads of a warden that could not be opened, and what to do. */
export function wardenFaultText(fault: WardenFault): string {
  return fault.kind === 'missing' ? `${fault.what} is missing: ${fault.fix}` : `${fault.problem}: ${fault.fix}`
}

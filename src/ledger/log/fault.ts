/** The reason for which a ledger cannot be opened, or has stopped for good. */
export type LedgerFault =
  | { readonly kind: 'locked'; readonly directory: string; readonly by: string }
  | {
      readonly kind: 'damaged'
      readonly file: string
      readonly at: number
      readonly seq: number
      readonly problem: string
    }
  | { readonly kind: 'not-a-ledger'; readonly path: string; readonly problem: string }
  | { readonly kind: 'disk'; readonly doing: string; readonly path: string; readonly code: string }
  | { readonly kind: 'disowned'; readonly problem: string }
  | { readonly kind: 'closed' }

export function faultText(fault: LedgerFault): string {
  switch (fault.kind) {
    case 'locked':
      return `${fault.directory} has a writer already: ${fault.by}`
    case 'damaged':
      return `${fault.file} is damaged at byte ${fault.at} (entry ${fault.seq}): ${fault.problem}`
    case 'not-a-ledger':
      return `${fault.path}: ${fault.problem}`
    case 'disk':
      return `the disk refused to ${fault.doing} ${fault.path}: ${fault.code}`
    case 'disowned':
      return `the witness does not know this ledger: ${fault.problem}`
    case 'closed':
      return 'the ledger is closed'
  }
}

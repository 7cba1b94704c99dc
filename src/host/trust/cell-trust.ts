import type { Agent } from '../../config/config.ts'
import { ok, type Result } from '../../model/index.ts'
import { KeptIssuer } from './kept-issuer.ts'
import { type ShownTrust, shownTrust } from './shown-trust.ts'

/** The issuer of one cell, and what the cell is shown of it. */
export interface CellTrust {
  readonly issuer: KeptIssuer
  readonly shown: ShownTrust
}

/** Makes the issuer of a cell; an error in words where its programs could not be made to believe it. */
export function newCellTrust(cell: Agent['cell'], nowMs: number): Result<CellTrust, string> {
  const issuer = new KeptIssuer(cell.wallMs, nowMs)
  const shown = shownTrust(issuer.certificate, cell, nowMs)
  return shown.ok ? ok({ issuer, shown: shown.value }) : shown
}

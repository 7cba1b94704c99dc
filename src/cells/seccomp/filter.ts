import { createHash } from 'node:crypto'
import { endianness } from 'node:os'

export interface FilterProgram {
  readonly bytes: Uint8Array
  readonly sha256: string
}

/** The filter of every cell, for this architecture. */
export function filterProgram(architecture: string): FilterProgram | undefined {
  if ((architecture !== 'x64' && architecture !== 'arm64') || endianness() !== 'LE') return undefined
  const bytes = Buffer.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f])
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

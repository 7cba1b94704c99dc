import { createHash } from 'node:crypto'
import { endianness } from 'node:os'
import { assemble, encode } from './assemble.ts'
import { TABLE, UNKNOWN } from './table.ts'

export interface FilterProgram {
  readonly bytes: Uint8Array
  /** SHA-256 of `bytes`, in hex; stands in every launch receipt. */
  readonly sha256: string
}

/** The filter of every cell, for this architecture; undefined where we have none. */
export function filterProgram(architecture: string): FilterProgram | undefined {
  if ((architecture !== 'x64' && architecture !== 'arm64') || endianness() !== 'LE') return undefined
  const bytes = encode(assemble(TABLE, UNKNOWN, architecture))
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

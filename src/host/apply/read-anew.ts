import { createHash } from 'node:crypto'
import process from 'node:process'
import { loadConfig } from '../../config/load.ts'
import { no, ok, type Problem, type Result, type Sha256, sourceText } from '../../model/index.ts'
import type { Host } from '../host.ts'
import { type Judged, judgeConfig } from '../prepare/setup.ts'
import type { ApplyFault } from './apply-words.ts'

/** A configuration as its files are now. */
export interface ReadAnew {
  readonly judged: Judged
  /** Digest of all that was read. */
  readonly seen: Sha256
}

/** Reads the host's configuration anew, each of its files once, and judges what was read. */
export async function readAnew({
  judged,
  stateDirectory,
}: Pick<Host, 'judged' | 'stateDirectory'>): Promise<Result<ReadAnew, ApplyFault>> {
  const { file } = judged.config
  try {
    const loaded = await loadConfig(file, { node: process.execPath })
    if (!loaded.ok) return no({ kind: 'invalid', problems: loaded.reason.map(problemText) })
    const next = await judgeConfig(loaded.value, stateDirectory)
    if (!next.ok) return no({ kind: 'invalid', problems: next.reason.map(problemText) })
    return ok({ judged: next.value, seen: seenIn(next.value) })
  } catch (error) {
    return no({ kind: 'invalid', problems: [error instanceof Error ? error.message : String(error)] })
  }
}

function seenIn({ digests }: Judged): Sha256 {
  const text = [...digests]
    .map(([tenant = '', digest]) => `${tenant} ${digest}`)
    .toSorted()
    .join('\n')
  return createHash('sha256').update(text).digest('hex') as Sha256 // its shape
}

function problemText({ source, message, expected }: Problem): string {
  return `${sourceText(source)} ${message}${expected === undefined ? '' : ` — expected ${expected}`}`
}

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { loadConfig } from '../../config/load.ts'
import { no, ok, type Problem, type Result, type Sha256, sourceText } from '../../model/index.ts'
import type { Host } from '../host.ts'
import { type ConfigurationDigests, digestsOf, type Judged, judgeConfig } from '../prepare/setup.ts'
import type { ApplyFault } from './apply-words.ts'

/** A configuration as its files are now. */
export interface ReadAnew {
  readonly judged: Judged
  readonly digests: ConfigurationDigests
  /** Digest of all that was read. */
  readonly seen: Sha256
}

/** Reads the host's configuration anew, and judges it; it has not changed meanwhile. */
export async function readAnew({
  judged,
  stateDirectory,
}: Pick<Host, 'judged' | 'stateDirectory'>): Promise<Result<ReadAnew, ApplyFault>> {
  const { file } = judged.config
  try {
    const text = readFileSync(file, 'utf8')
    const loaded = await loadConfig(file, { node: process.execPath }, text)
    if (!loaded.ok) return no({ kind: 'invalid', problems: loaded.reason.map(problemText) })
    const digests = digestsOf(loaded.value)
    const next = await judgeConfig(loaded.value, stateDirectory)
    if (!next.ok) return no({ kind: 'invalid', problems: next.reason.map(problemText) })
    const seen = seenIn(digests)
    const isStill = seenIn(digestsOf(loaded.value)) === seen && readFileSync(file, 'utf8') === text
    return isStill ? ok({ judged: next.value, digests, seen }) : no({ kind: 'changed' })
  } catch (error) {
    return no({ kind: 'invalid', problems: [error instanceof Error ? error.message : String(error)] })
  }
}

function seenIn(digests: ConfigurationDigests): Sha256 {
  const text = [...digests]
    .map(([tenant = '', digest]) => `${tenant} ${digest}`)
    .toSorted()
    .join('\n')
  return createHash('sha256').update(text).digest('hex') as Sha256 // its shape
}

function problemText({ source, message, expected }: Problem): string {
  return `${sourceText(source)} ${message}${expected === undefined ? '' : ` — expected ${expected}`}`
}

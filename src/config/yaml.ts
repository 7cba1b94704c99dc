import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { Problem, Source } from '../model/index.ts'
import type { Shape } from './shape.ts'

/** A file larger than this is a mistake, and would be read in one piece. */
const FILE_BYTES_MAX = 1_048_576

/**
 * Reads a YAML 1.2 file of a person by its shape; every fault goes to `problems` with its place, and a file that is no
 * YAML has no value. Places are named without the file's directory: they go into the ledger, and the machine's paths do not.
 *
 * @param proposed what would stand in the file; absent: what stands in it.
 */
export function readYaml<T>(path: string, shape: Shape<T>, problems: Problem[], proposed?: string): T | undefined {
  const file = basename(path)
  const start: Source = { file, line: 1, column: 1 }
  let text: string
  try {
    const bytes = proposed === undefined ? readFileSync(path) : Buffer.from(proposed)
    if (bytes.length > FILE_BYTES_MAX)
      throw new RangeError(`it has ${bytes.length} bytes; at most ${FILE_BYTES_MAX} are read`)
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    problems.push({ source: start, message: `cannot be read: ${why}`, expected: 'a readable YAML file in UTF-8' })
    return undefined
  }
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    uniqueKeys: true,
    strict: true,
    merge: false,
  })
  const place = (offset: number): Source => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const faults = [...document.errors, ...document.warnings]
  for (const { pos, message } of faults) {
    problems.push({ source: place(pos[0]), message: message.split('\n')[0] ?? 'not YAML', expected: 'valid YAML 1.2' })
  }
  if (faults.length > 0) return undefined
  return shape.read(document.contents, {
    source: (node) => (node?.range ? place(node.range[0]) : start),
    report: (problem) => problems.push(problem),
  })
}

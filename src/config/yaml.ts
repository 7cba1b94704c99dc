import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import process from 'node:process'
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { Problem, Source } from '../model/index.ts'
import type { Shape } from './shape.ts'

/** A file larger than this is a mistake, and would be read in one piece. */
export const FILE_BYTES_MAX = 1_048_576
/** Bytes that root reads of another user's file: a stop must not wait for its thousand agents. */
const OTHERS_BYTES_MAX = 131_072

/** Returns the bytes at most that this process reads of a configuration whose owner is `uid`. */
export function configBytesMax(uid: number): number {
  return process.geteuid?.() === 0 && uid !== 0 ? OTHERS_BYTES_MAX : FILE_BYTES_MAX
}

/** Reads a YAML 1.2 file of a person by its shape, as `readYamlText` does. */
export function readYaml<T>(path: string, shape: Shape<T>, problems: Problem[]): T | undefined {
  const text = yamlTextOf(path, problems)
  return text === undefined ? undefined : readYamlText(path, text, shape, problems)
}

/**
 * Returns the text of a YAML file; what is no such text goes to `problems`.
 *
 * @param proposed what would stand in the file; absent: what stands in it.
 */
export function yamlTextOf(path: string, problems: Problem[], proposed?: string): string | undefined {
  try {
    const bytes = proposed === undefined ? readFileSync(path) : Buffer.from(proposed)
    const bytesMax = proposed === undefined ? configBytesMax(statSync(path).uid) : FILE_BYTES_MAX
    if (bytes.length > bytesMax) {
      const whose = bytesMax < FILE_BYTES_MAX ? ' by root of another user’s' : ''
      throw new RangeError(`it has ${bytes.length} bytes; at most ${bytesMax} are read${whose}`)
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const source: Source = { file: basename(path), line: 1, column: 1 }
    problems.push({ source, message: `cannot be read: ${why}`, expected: 'a readable YAML file in UTF-8' })
    return undefined
  }
}

/**
 * Reads the text of a YAML 1.2 file by its shape; every fault goes to `problems` with its place, and a text that is no YAML
 * has no value. Places are named without the file's directory: they go into the ledger, and the machine's paths do not.
 */
export function readYamlText<T>(path: string, text: string, shape: Shape<T>, problems: Problem[]): T | undefined {
  const file = basename(path)
  const known = problems.length
  const start: Source = { file, line: 1, column: 1 }
  const lines = new LineCounter()
  const document = parsed(text, lines)
  if (document === undefined) {
    problems.push({ source: start, message: 'is nested too deeply', expected: 'at most some hundred levels' })
    return undefined
  }
  const place = (offset: number): Source => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const faults = [...document.errors, ...document.warnings]
  for (const { pos, message } of faults) {
    problems.push({ source: place(pos[0]), message: message.split('\n')[0] ?? 'not YAML', expected: 'valid YAML 1.2' })
  }
  for (const { offset, key } of keysTwice(document)) {
    problems.push({
      source: place(offset),
      message: `has the key ${key} twice: the keys of a map are unique`,
      expected: 'each key once',
    })
  }
  if (faults.length > 0 || problems.length > known) return undefined
  return shape.read(document.contents, {
    source: (node) => (node?.range ? place(node.range[0]) : start),
    report: (problem) => problems.push(problem),
  })
}

/** Returns a text as YAML, with its faults; undefined where it is nested deeper than it can be read. */
function parsed(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    // Its own look for keys that are there twice compares each with all others.
    return parseDocument(text, { lineCounter, version: '1.2', uniqueKeys: false, strict: true, merge: false })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Keys that are told; a person mends the first ones. */
const TWICE_MAX = 100

/** Returns the keys that a map has had already, and where; the work grows with the text and no faster. */
function keysTwice(document: Document.Parsed): readonly { readonly offset: number; readonly key: string }[] {
  const twice: { offset: number; key: string }[] = []
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value) && twice.length < TWICE_MAX)
          twice.push({ offset: key.range?.[0] ?? 0, key: String(key.value) })
        seen.add(key.value)
      }
    },
  })
  return twice
}

import { isMap, isSeq, type ParsedNode, parseDocument, type YAMLMap } from 'yaml'
import { yamlText } from '../host/prepare/tool-stub.ts'
import { type Operation, operationIn } from '../model/index.ts'
import type { Tightening } from '../recovery/incident/tighten.ts'

/**
 * The text of a configuration with one line narrowed, and every other byte as the person wrote it; undefined where it
 * cannot be written without rewriting what is around it.
 */
export function tightened(text: string, agent: string, change: Tightening): string | undefined {
  const grant = (index: number) => ['agents', agent, 'grants', index] as const
  switch (change.kind) {
    case 'tools':
      if (change.keep.length === 0) return without(text, grant(change.grant))
      return written(text, [...grant(change.grant), 'tools'], flowList(change.keep.map(writtenName)))
    case 'budget':
      return written(text, [...grant(change.grant), 'budget', change.of], change.to)
    case 'accepts': {
      const [upstream = '', ...tool] = change.tool.split('/')
      const name = writtenName(tool.join('/'))
      return written(text, ['upstreams', upstream, 'tools', name, 'accepts'], flowList(change.keep))
    }
    case 'enforce':
      return written(text, ['containment', 'detectors', change.detector, 'mode'], 'enforce')
    case 'decoy':
      return written(text, ['containment', 'decoys'], flowList([change.tool]))
  }
}

/** Returns a granted name as it stands under `tools:`: there its upstream says what kind of operation it is. */
function writtenName(granted: string): string {
  const { operation, tool } = operationIn(granted)
  return OF_UPSTREAM.has(operation) ? tool : granted
}

const OF_UPSTREAM: ReadonlySet<Operation> = new Set(['model', 'package', 'git', 'tunnel'])

/**
 * The text of a configuration with one grant more of an agent, as a map of YAML in one line, and every other byte as the person
 * wrote it; undefined where it cannot be written without rewriting what is around it.
 */
export function granted(text: string, agent: string, grant: string): string | undefined {
  const document = parseDocument(text)
  const own =
    document.errors.length > 0 ? undefined : (document.getIn(['agents', agent], true) as ParsedNode | undefined)
  if (!isMap(own)) return undefined
  const list = child(own, 'grants')
  if (list === undefined) return own.has('grants') ? undefined : inserted(text, own, `grants: [${grant}]`)
  if (!isSeq(list)) return undefined
  const last = list.items.at(-1) as ParsedNode | undefined
  if (list.flow === true) {
    const at = last === undefined ? list.range[0] + 1 : last.range[1]
    return `${text.slice(0, at)}${last === undefined ? '' : ', '}${grant}${text.slice(at)}`
  }
  if (last === undefined) return undefined
  const start = text.lastIndexOf('\n', last.range[0] - 1) + 1
  const [dash] = /^\s*-\s+/.exec(text.slice(start, last.range[0])) ?? []
  if (dash === undefined) return undefined
  const line = text.indexOf('\n', endOf(text, last.range[1]))
  const at = line === -1 ? text.length : line
  return `${text.slice(0, at)}\n${dash}${grant}${text.slice(at)}`
}

type Path = readonly (string | number)[]

/** Puts a value at a path: over the one that stands there, or as the last key of the innermost map that does. */
function written(text: string, path: Path, value: string): string | undefined {
  const document = parseDocument(text)
  if (document.errors.length > 0) return undefined
  let here: ParsedNode | null = document.contents
  for (const [i, step] of path.entries()) {
    const next = here === null ? undefined : child(here, step)
    if (next === undefined) {
      if (!isMap(here) || typeof step !== 'string') return undefined
      const inner = path.slice(i + 1).reduceRight<string>((nested, key) => `{ ${key}: ${nested} }`, value)
      return inserted(text, here, `${yamlText(step)}: ${inner}`)
    }
    here = next
  }
  // Of several values of one key nobody knows here which is meant.
  if (here === null || isMap(here) || (isSeq(here) && path.at(-1) !== 'tools' && path.at(-1) !== 'accepts'))
    return undefined
  const [from, to] = here.range
  return `${text.slice(0, from)}${value}${text.slice(endOf(text, to))}`
}

function child(node: ParsedNode, step: string | number): ParsedNode | undefined {
  if (!isMap(node) && !isSeq(node)) return undefined
  const found = (node as YAMLMap).get(step as string, true) as ParsedNode | undefined
  return found?.range === undefined || found.range === null ? undefined : found
}

function inserted(text: string, map: YAMLMap.Parsed | YAMLMap, pair: string): string | undefined {
  const last = map.items.at(-1)
  const [first] = map.items
  const end = (last?.value as ParsedNode | null | undefined)?.range?.[1]
  const start = (first?.key as ParsedNode | undefined)?.range?.[0]
  if (end === undefined || start === undefined) return undefined
  if (map.flow === true) return `${text.slice(0, end)}, ${pair}${text.slice(end)}`
  const indent = start - (text.lastIndexOf('\n', start - 1) + 1)
  const line = text.indexOf('\n', endOf(text, end))
  const at = line === -1 ? text.length : line
  // In a list, what stands before the first key is a dash.
  return `${text.slice(0, at)}\n${' '.repeat(indent)}${pair}${text.slice(at)}`
}

/** The value of a block reaches over the empty lines behind it. */
function endOf(text: string, end: number): number {
  return text.slice(0, end).trimEnd().length
}

/** An item of a block list, with its lines. */
function without(text: string, path: Path): string | undefined {
  const index = path.at(-1)
  const document = parseDocument(text)
  const list = document.getIn(path.slice(0, -1), true)
  const item = typeof index === 'number' && isSeq(list) ? (list.items[index] as ParsedNode | undefined) : undefined
  if (!isSeq(list) || list.flow === true || list.items.length < 2 || item?.range === undefined) return undefined
  const from = text.lastIndexOf('\n', item.range[0]) + 1
  if (!/^\s*-\s+$/.test(text.slice(from, item.range[0]))) return undefined
  const end = text.indexOf('\n', Math.max(from, item.range[1] - 1))
  return `${text.slice(0, from)}${end === -1 ? '' : text.slice(end + 1)}`
}

function flowList(values: readonly string[]): string {
  return `[${values.map(yamlText).join(', ')}]`
}

const CONTEXT = 2
/** Pairs of lines that are compared; a larger change is no proposal that a person reads. */
const PAIRS_MAX = 4_000_000

/** A unified diff that `patch` takes; empty where nothing differs, or too much does. */
export function unifiedDiff(file: string, before: string, after: string): readonly string[] {
  const [a, b] = [before.split('\n'), after.split('\n')]
  const edits = editsOf(a, b)
  if (edits === undefined || edits.every(({ mark }) => mark === ' ')) return []
  const hunks: string[] = []
  let i = 0
  while (i < edits.length) {
    const first = edits.findIndex(({ mark }, at) => at >= i && mark !== ' ')
    if (first === -1) break
    let last = first
    for (let at = first; at < edits.length && at <= last + 2 * CONTEXT; at++) if (edits[at]?.mark !== ' ') last = at
    const [from, to] = [Math.max(i, first - CONTEXT), Math.min(edits.length, last + CONTEXT + 1)]
    const own = edits.slice(from, to)
    const [old, now] = [own.filter(({ mark }) => mark !== '+'), own.filter(({ mark }) => mark !== '-')]
    const before = edits.slice(0, from)
    const at = (mark: '+' | '-') => before.filter((edit) => edit.mark !== mark).length + 1
    hunks.push(
      `@@ -${at('+')},${old.length} +${at('-')},${now.length} @@`,
      ...own.map(({ mark, line }) => `${mark}${line}`),
    )
    i = to
  }
  return [`--- ${file}`, `+++ ${file}`, ...hunks]
}

interface Edit {
  readonly mark: ' ' | '-' | '+'
  readonly line: string
}

/**
 * Returns the edits between two lists of lines, by their longest common subsequence; undefined where they differ too
 * widely.
 */
function editsOf(a: readonly string[], b: readonly string[]): readonly Edit[] | undefined {
  let head = 0
  while (head < a.length && head < b.length && a[head] === b[head]) head++
  let tail = 0
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++
  const [x, y] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)]
  if (x.length * y.length > PAIRS_MAX) return undefined
  const width = y.length + 1
  const common = new Uint32Array((x.length + 1) * width)
  const at = (i: number, j: number) => common[i * width + j] ?? 0
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      common[i * width + j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const edits: Edit[] = a.slice(0, head).map((line) => ({ mark: ' ', line }))
  let [i, j] = [0, 0]
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      edits.push({ mark: ' ', line: x[i++] ?? '' })
      j++
    } else if (j >= y.length || (i < x.length && at(i + 1, j) >= at(i, j + 1)))
      edits.push({ mark: '-', line: x[i++] ?? '' })
    else edits.push({ mark: '+', line: y[j++] ?? '' })
  }
  return [...edits, ...a.slice(a.length - tail).map((line): Edit => ({ mark: ' ', line }))]
}

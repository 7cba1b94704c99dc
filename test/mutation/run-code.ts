/** What V8 tells of a test: which code it ran. A mutant in code that it did not run is none that it could notice. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ROOT } from './core.ts'

/** Whether the code at this offset of a file, from the root of the repository, was run. Offsets survive the removal of types. */
export type RunCode = (file: string, offset: number) => boolean

interface Report {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly { readonly ranges: readonly Range[] }[]
  }[]
}

interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

/** Of the reports in a directory: the process of a test, and its workers. */
export function runCode(directory: string): RunCode {
  const reports = readdirSync(directory).map(
    (name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Report,
  )
  const byFile = new Map<string, (readonly Range[])[]>()
  for (const { url, functions } of reports.flatMap(({ result }) => result)) {
    if (!url.startsWith('file:')) continue
    const file = relative(ROOT, fileURLToPath(url))
    if (!file.startsWith('src/')) continue
    byFile.set(file, [...(byFile.get(file) ?? []), functions.flatMap(({ ranges }) => ranges)])
  }
  return (file, offset) => (byFile.get(file) ?? []).some((ranges) => countAt(ranges, offset) > 0)
}

/** Ranges lie within each other: the shortest one around an offset counts. */
function countAt(ranges: readonly Range[], offset: number): number {
  const length = ({ startOffset, endOffset }: Range) => endOffset - startOffset
  const around = ranges.filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset)
  return around.reduce<Range | undefined>((a, b) => (a && length(a) <= length(b) ? a : b), undefined)?.count ?? 0
}

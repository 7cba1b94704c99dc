import { visibleText } from '../../model/index.ts'
import type { Block, Page, Row, Section } from './blocks.ts'
import type { Wording, WordingPart } from './wording.ts'

/**
 * A page as CommonMark with tables. Everything that others wrote stands in code: no link, image or tag in it is one, no
 * address becomes one by itself, and no run of backticks ends it early.
 */
export function markdownOf({ title, warnings, headline, sections }: Page): string {
  const lead = [...warnings.map((warning) => `**${inline(warning)}**`), `# ${inline(title)}`]
  const [verdict = [], ...rest] = headline.lines
  return `${[...lead, `**${inline(verdict)}**`, ...rest.map(inline), LEGEND, ...sections.flatMap(section)].join('\n\n')}\n`
}

const LEGEND = '*What is set as code was written by others and is quoted from the record.*'

function section({ title, blocks }: Section): readonly string[] {
  return [`## ${title}`, ...blocks.map(block).filter((text) => text !== '')]
}

function block(shown: Block): string {
  switch (shown.kind) {
    case 'text':
      return shown.tone === 'stop' ? `**${inline(shown.text)}**` : inline(shown.text)
    case 'facts':
      return shown.facts.map(([name, fact]) => `- ${name}: ${inline(fact)}`).join('\n')
    case 'list':
      return shown.items.map((item) => `- ${inline(item)}`).join('\n')
    case 'table':
      return shown.rows.length === 0 ? '' : table(shown.columns, shown.rows)
    case 'lines':
      return fenced(shown.lines, shown.language)
  }
}

function table(columns: readonly string[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(({ cells }) => line(cells.map((cell) => cellText(cell)))),
  ].join('\n')
}

/**
 * A bar would end the cell, also in code: tables are cut into cells before anything else is read. One backslash before it
 * is read as an escape by all who read tables; behind another they do not agree.
 */
function cellText(cell: Wording): string {
  return inline(cell).replaceAll(/(\\?)\|/g, (_, slash: string) => (slash === '' ? '\\|' : '\\\\u{7c}'))
}

function inline(wording: Wording): string {
  return wording.map(part).join('')
}

function part(shown: WordingPart): string {
  return typeof shown === 'string' ? shown : code(shown.said)
}

/** A delimiter that is longer than any run of backticks in it. */
function code(text: string): string {
  const seen = visibleText(text)
  if (seen.trim() === '') return '(nothing)'
  const delimiter = '`'.repeat(longestRun(seen) + 1)
  const room = /^[` ]|[` ]$/.test(seen) ? ' ' : ''
  return `${delimiter}${room}${seen}${room}${delimiter}`
}

function fenced(lines: readonly string[], language: string): string {
  const seen = lines.map(visibleText)
  const fence = '`'.repeat(Math.max(3, longestRun(seen.join('\n')) + 1))
  return [`${fence}${language}`, ...seen, fence].join('\n')
}

function longestRun(text: string): number {
  return [...text.matchAll(/`+/g)].reduce((most, [run]) => Math.max(most, run.length), 0)
}

import { visibleText } from '../../model/index.ts'
import type { Block, Page, Row, Section } from './blocks.ts'
import { STYLE } from './style.ts'
import type { Wording, WordingPart } from './wording.ts'

/**
 * A page as one HTML file: no script, no link, nothing that is fetched, and a policy that forbids all of it to whatever
 * came through. Everything that others wrote is escaped in one place, `escaped`, and stands between tags only.
 */
export function htmlOf({ title, warnings, headline, sections }: Page): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    '<meta name="referrer" content="no-referrer">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${plain(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    ...warnings.map((warning) => `<p class="warning">${inline(warning)}</p>`),
    '<header>',
    `<h1>${inline(title)}</h1>`,
    ...headline.lines.map(
      (line, i) => `<p class="${i > 0 ? 'lead' : headline.good ? 'verdict good' : 'verdict bad'}">${inline(line)}</p>`,
    ),
    '<p class="legend">What is tinted <span class="said">like this</span> was written by others and is quoted from the record.</p>',
    '</header>',
    ...sections.flatMap(section),
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function section({ title, blocks }: Section): readonly string[] {
  return ['<section>', `<h2>${escaped(title)}</h2>`, ...blocks.map(block), '</section>']
}

function block(shown: Block): string {
  switch (shown.kind) {
    case 'text':
      return `<p class="${shown.tone ?? 'plain'}">${inline(shown.text)}</p>`
    case 'facts':
      return `<dl>${shown.facts.map(([name, fact]) => `<dt>${escaped(name)}</dt><dd>${inline(fact)}</dd>`).join('\n')}</dl>`
    case 'list':
      return `<ul>${shown.items.map((item) => `<li>${inline(item)}</li>`).join('\n')}</ul>`
    case 'table':
      return shown.rows.length === 0 ? '' : table(shown.columns, shown.rows)
    case 'lines':
      return `<pre class="${shown.language}">${shown.lines.map((line) => lineOf(line, shown.language)).join('\n')}</pre>`
  }
}

function table(columns: readonly string[], rows: readonly Row[]): string {
  const head = columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join('')
  const body = rows.map(({ cells, tone }) => {
    const inner = cells.map((cell) => `<td>${inline(cell)}</td>`).join('')
    return `<tr class="${tone}">${inner}</tr>`
  })
  return `<table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table>`
}

function lineOf(line: string, language: string): string {
  const kind = language !== 'diff' ? '' : line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''
  return kind === '' ? escaped(line) : `<span class="${kind}">${escaped(line)}</span>`
}

function inline(wording: Wording): string {
  return wording.map(part).join('')
}

function part(shown: WordingPart): string {
  return typeof shown === 'string' ? escaped(shown) : `<span class="said">${escaped(shown.said)}</span>`
}

/** Writes a wording for places in which no tag can be. */
function plain(wording: Wording): string {
  return wording.map((each) => escaped(typeof each === 'string' ? each : each.said)).join('')
}

/**
 * Escapes a text for HTML. Characters that cannot be seen come first: one that turns a line's direction is no tag, and
 * would still lie.
 */
function escaped(text: string): string {
  return visibleText(text).replaceAll(/[&<>"'`=]/g, (character) => `&#${character.charCodeAt(0)};`)
}

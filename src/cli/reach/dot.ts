import { FILL, type ReachGraph } from './graph.ts'

/** Graphviz DOT. Every text stands in a quoted string, in which a backslash and a quote are all that has a meaning. */
export function reachDot({ columns, edges }: ReachGraph): string {
  const nodes = columns.flatMap((column) =>
    column.map(({ id, title, lines, tone }) => {
      const label = [title, ...lines].map(escaped).join('\\n')
      return `  ${quoted(id)} [label="${label}", fillcolor="${FILL[tone]}"];`
    }),
  )
  const ranks = columns.map((column) => `  { rank=same; ${column.map(({ id }) => `${quoted(id)};`).join(' ')} }`)
  const arrows = edges.map(({ from, to, kind }) => `  ${quoted(from)} -> ${quoted(to)} [${STYLE[kind]}];`)
  return [
    'digraph reach {',
    '  rankdir=LR;',
    '  node [shape=box, style=filled, fontname="sans-serif", fontsize=10];',
    ...nodes,
    ...ranks,
    ...arrows,
    '}',
    '',
  ].join('\n')
}

const STYLE = {
  may: 'color="#555555"',
  brings: 'color="#3d6a9e"',
  leads: 'color="#555555", style=dotted',
  crosses: 'color="#b3261e", style=dashed, constraint=false',
} as const

function quoted(text: string): string {
  return `"${escaped(text)}"`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ')
}

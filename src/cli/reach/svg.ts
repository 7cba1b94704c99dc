import { FILL, type GraphEdge, type GraphNode, type ReachGraph } from './graph.ts'

/**
 * A plain picture in columns, drawn by us: no renderer, no script, no font and nothing that is fetched. Text that does not
 * fit is cut, and stands whole in the node's `title`.
 */
export function reachSvg({ columns, edges }: ReachGraph): string {
  const placed = columns.map((column, i) => place(column, i))
  const boxes = new Map(placed.flat().map((box) => [box.node.id, box]))
  const height = Math.max(...placed.map((column) => bottomOf(column))) + MARGIN
  const width = MARGIN * 2 + columns.length * WIDTH + (columns.length - 1) * GAP
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="What an agent reaches">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    HEADS.map((head, i) => `<text x="${leftOf(i)}" y="${MARGIN}" fill="#555555">${head}</text>`).join(''),
    ...edges.map((edge) => arrow(edge, boxes)),
    ...placed.flat().map(drawn),
    '</svg>',
    '',
  ].join('\n')
}

const WIDTH = 250
const GAP = 110
const MARGIN = 24
const LINE = 16
/** At 12 pixels a letter of a common sans-serif is about 6.5 wide. */
const CHARACTERS_MAX = 36
const BOLD_MAX = 32
const HEADS = ['agent', 'upstreams', 'what it can do', 'data and destinations']
const STROKE = {
  may: 'stroke="#888888"',
  brings: 'stroke="#3d6a9e"',
  leads: 'stroke="#888888" stroke-dasharray="2 3"',
  crosses: 'stroke="#b3261e" stroke-dasharray="6 4" stroke-width="1.5"',
} as const

interface Box {
  readonly node: GraphNode
  readonly x: number
  readonly y: number
  readonly height: number
}

function place(column: readonly GraphNode[], index: number): readonly Box[] {
  let y = MARGIN + 20
  return column.map((node) => {
    const box = { node, x: leftOf(index), y, height: (1 + node.lines.length) * LINE + 12 }
    y += box.height + 14
    return box
  })
}

function leftOf(column: number): number {
  return MARGIN + column * (WIDTH + GAP)
}

function bottomOf(column: readonly Box[]): number {
  const last = column.at(-1)
  return last === undefined ? 0 : last.y + last.height
}

function drawn({ node, x, y, height }: Box): string {
  const { title, lines, tone } = node
  const texts = [title, ...lines].map((line, i) => {
    const style = i === 0 ? ' font-weight="bold"' : ' fill="#444444"'
    return `<text x="${x + 10}" y="${y + 18 + i * LINE}"${style}>${escaped(cut(line, i === 0 ? BOLD_MAX : CHARACTERS_MAX))}</text>`
  })
  const whole = escaped([title, ...lines].join('\n'))
  return `<g><title>${whole}</title><rect x="${x}" y="${y}" width="${WIDTH}" height="${height}" rx="4" fill="${FILL[tone]}" stroke="#888888"/>${texts.join('')}</g>`
}

/** Data that comes in, and what crosses back out, end at different heights of a box, so that both can be seen. */
function arrow({ from, to, kind }: GraphEdge, boxes: ReadonlyMap<string, Box>): string {
  const [a, b] = [boxes.get(from), boxes.get(to)]
  if (a === undefined || b === undefined) return ''
  const back = kind === 'crosses'
  const [x1, x2] = back ? [a.x, b.x + WIDTH] : [a.x + WIDTH, b.x]
  const [y1, y2] = [a.y + a.height * (back ? 0.75 : 0.5), b.y + b.height * (back ? 0.75 : 0.5)]
  const bend = (x2 - x1) / 2
  const tip = back ? 7 : -7
  const path = `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
  const head = `M${x2 + tip} ${y2 - 4} L${x2} ${y2} L${x2 + tip} ${y2 + 4}`
  return `<path d="${path} ${head}" fill="none" ${STROKE[kind]}/>`
}

function cut(text: string, max: number): string {
  const characters = [...text]
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

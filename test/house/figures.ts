/** Prints the figures of the source, room by room: `node test/house/figures.ts [--json]`. */
import { globSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import {
  isArrowFunction,
  isClassDeclaration,
  isConstructorDeclaration,
  isEnumDeclaration,
  isExportDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isImportDeclaration,
  isInterfaceDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
  isStringLiteral,
  isTypeAliasDeclaration,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/sync'
import { docstringsIn, opensUnnamed } from './docstrings.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const LINES_MAX = 400
const FLAT_FILES_MAX = 20
const PARAMETERS_MAX = 5

/** The figures of one room, or of all source. */
interface RoomFigures {
  readonly room: string
  readonly files: number
  readonly lines: number
  readonly median: number
  readonly p90: number
  readonly max: number
  /** Functions over 70 lines. */
  readonly longFunctions: number
  /** Functions with more than five parameters. */
  readonly manyParameters: number
  readonly docstrings: number
  /** Docstrings that open with a pronoun or a question word. */
  readonly unnamed: number
}

/** Everything that the script prints. */
interface Figures {
  readonly rooms: readonly RoomFigures[]
  /** Exported type names that are defined in more than one file, with those files. */
  readonly sharedTypeNames: Readonly<Record<string, readonly string[]>>
  /** Functions with more than five parameters, each with its file and line. */
  readonly wideFunctions: readonly string[]
  /** Files over 400 lines whose opening comment does not say why. */
  readonly longFiles: readonly string[]
  /** Folders with more than 20 source files of their own. */
  readonly fullFolders: readonly string[]
  /** Groups of files that import each other in a circle, types included, each with one circle. */
  readonly cycles: readonly { readonly files: number; readonly example: readonly string[] }[]
}

/** Measures all source files that are no tests. */
export function figuresOfSource(): Figures {
  const parsed = parsedFiles(globSync('src/**/*.ts', { cwd: ROOT }).filter((file) => !file.endsWith('.test.ts')))
  const rooms = Map.groupBy(parsed, ({ file }) => file.split('/')[1] ?? '')
  const folders = Map.groupBy(parsed, ({ file }) => dirname(file))
  return {
    rooms: [...[...rooms].sort().map(([room, files]) => roomFigures(room, files)), roomFigures('all', parsed)],
    sharedTypeNames: sharedTypeNames(parsed),
    wideFunctions: parsed.flatMap(({ file, tree }) =>
      functionsIn(tree)
        .filter(({ parameters }) => parameters > PARAMETERS_MAX)
        .map(({ name, line }) => `${file}:${line} ${name}`),
    ),
    longFiles: parsed.filter(isLongWithoutReason).map(({ file, lines }) => `${file} (${lines})`),
    fullFolders: [...folders]
      .filter(([, files]) => files.length > FLAT_FILES_MAX)
      .map(([folder, files]) => `${folder} (${files.length})`),
    cycles: cyclesIn(new Map(parsed.map((each) => [each.file, importsOf(each)]))),
  }
}

/** A source file with its syntax tree. */
interface Parsed {
  readonly file: string
  readonly tree: SourceFile
  readonly lines: number
}

function parsedFiles(files: readonly string[]): readonly Parsed[] {
  const api = new API({ cwd: ROOT })
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(ROOT, 'tsconfig.json')] }).getProjects()
    return files.toSorted().map((file) => {
      const tree = project?.program.getSourceFile(join(ROOT, file))
      if (tree === undefined) throw new Error(`${file} is not in tsconfig.json's project: is it there?`)
      return { file, tree, lines: tree.text.split('\n').length - 1 }
    })
  } finally {
    api.close()
  }
}

function roomFigures(room: string, files: readonly Parsed[]): RoomFigures {
  const sizes = files.map(({ lines }) => lines).sort((a, b) => a - b)
  const functions = files.flatMap(({ tree }) => functionsIn(tree).map((each) => ({ ...each, tree })))
  const docstrings = files.flatMap(({ tree }) => docstringsIn(tree.text))
  return {
    room,
    files: files.length,
    lines: sizes.reduce((sum, size) => sum + size, 0),
    median: sizes[Math.floor(sizes.length / 2)] ?? 0,
    p90: sizes[Math.floor(sizes.length * 0.9)] ?? 0,
    max: sizes.at(-1) ?? 0,
    longFunctions: functions.filter(({ lines }) => lines > 70).length,
    manyParameters: functions.filter(({ parameters }) => parameters > PARAMETERS_MAX).length,
    docstrings: docstrings.length,
    unnamed: docstrings.filter(opensUnnamed).length,
  }
}

/** A function as it stands in its file. */
interface FunctionFigures {
  readonly name: string
  /** Its first line, from 1. */
  readonly line: number
  readonly lines: number
  readonly parameters: number
}

function functionsIn(tree: SourceFile): readonly FunctionFigures[] {
  const found: FunctionFigures[] = []
  const visit = (node: Node): void => {
    if (
      isFunctionDeclaration(node) ||
      isFunctionExpression(node) ||
      isArrowFunction(node) ||
      isMethodDeclaration(node) ||
      isConstructorDeclaration(node) ||
      isGetAccessorDeclaration(node) ||
      isSetAccessorDeclaration(node)
    ) {
      const lineAt = (place: number) => tree.getLineAndCharacterOfPosition(place).line
      const lines = lineAt(node.end) - lineAt(node.getStart(tree)) + 1
      const name = 'name' in node && node.name !== undefined ? node.name.getText(tree) : '(a function)'
      found.push({ name, line: lineAt(node.getStart(tree)) + 1, lines, parameters: node.parameters.length })
    }
    node.forEachChild(visit)
  }
  visit(tree)
  return found
}

function sharedTypeNames(parsed: readonly Parsed[]): Readonly<Record<string, readonly string[]>> {
  const defined = parsed.flatMap(({ file, tree }) => exportedTypes(tree).map((name) => ({ name, file })))
  const shared = [...Map.groupBy(defined, ({ name }) => name)].filter(([, places]) => places.length > 1)
  return Object.fromEntries(shared.sort().map(([name, places]) => [name, places.map(({ file }) => file)]))
}

function exportedTypes(tree: SourceFile): readonly string[] {
  return tree.statements.flatMap((each) => {
    const isType =
      isInterfaceDeclaration(each) ||
      isTypeAliasDeclaration(each) ||
      isClassDeclaration(each) ||
      isEnumDeclaration(each)
    if (!isType || each.name === undefined) return []
    return each.modifiers?.some(({ kind }) => kind === SyntaxKind.ExportKeyword) ? [each.name.text] : []
  })
}

/** Tells whether a file passes the limit and no comment up to its first declaration has the word "long" in it. */
function isLongWithoutReason({ tree, lines }: Parsed): boolean {
  if (lines <= LINES_MAX) return false
  const first = tree.statements.find((each) => !isImportDeclaration(each))
  return !/\blong\b/i.test(tree.text.slice(0, first?.getStart(tree)))
}

function importsOf({ file, tree }: Parsed): readonly string[] {
  return tree.statements.flatMap((each) => {
    const from = isImportDeclaration(each) || isExportDeclaration(each) ? each.moduleSpecifier : undefined
    if (from === undefined || !isStringLiteral(from) || !from.text.startsWith('.')) return []
    return [relative(ROOT, join(ROOT, dirname(file), from.text))]
  })
}

/** Returns the groups of files of which each reaches each other one, the largest first. */
function cyclesIn(imports: ReadonlyMap<string, readonly string[]>): Figures['cycles'] {
  const reached = new Map([...imports.keys()].map((file) => [file, reachedFrom(file, imports)]))
  const grouped = new Set<string>()
  const cycles: { readonly files: number; readonly example: readonly string[] }[] = []
  for (const [file, others] of reached) {
    if (grouped.has(file) || !others.has(file)) continue
    const group = [...others].filter((other) => reached.get(other)?.has(file))
    for (const each of group) grouped.add(each)
    cycles.push({ files: group.length, example: shortestCircle(file, imports) })
  }
  return cycles.sort((a, b) => b.files - a.files)
}

function reachedFrom(start: string, imports: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set(imports.get(start))
  for (const file of reached) for (const next of imports.get(file) ?? []) reached.add(next)
  return reached
}

function shortestCircle(start: string, imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const paths: (readonly [string, ...string[]])[] = [[start]]
  const seen = new Set<string>()
  for (const path of paths) {
    for (const next of imports.get(path.at(-1) ?? start) ?? []) {
      if (next === start) return [...path, start]
      if (!seen.has(next)) paths.push([...path, next])
      seen.add(next)
    }
  }
  return []
}

function printed({ rooms, sharedTypeNames: shared, wideFunctions, longFiles, fullFolders, cycles }: Figures): string {
  const head = ['room', 'files', 'lines', 'median', 'p90', 'max', 'fn >70', '>5 params', 'docstrings', 'unnamed', '%']
  const rows = rooms.map((each) => {
    const { room, docstrings, unnamed, ...sizes } = each
    const share = docstrings === 0 ? 0 : (100 * unnamed) / docstrings
    return [room, ...Object.values(sizes), docstrings, unnamed, share.toFixed(1)].map(String)
  })
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  const list = (title: string, lines: readonly string[]) => [
    '',
    `${title}: ${lines.length}`,
    ...lines.map((l) => `  ${l}`),
  ]
  return [
    ...[head, ...rows].map(line),
    ...list(
      'exported type names in several files',
      Object.entries(shared).map(([name, files]) => `${name}: ${files.join(', ')}`),
    ),
    ...list(`functions with more than ${PARAMETERS_MAX} parameters`, wideFunctions),
    ...list(`files over ${LINES_MAX} lines that do not say why`, longFiles),
    ...list(`folders with more than ${FLAT_FILES_MAX} files`, fullFolders),
    ...list(
      'import cycles, types included',
      cycles.map(({ files, example }) => `${files} files: ${example.join(' → ')}`),
    ),
  ].join('\n')
}

if (import.meta.main) {
  const figures = figuresOfSource()
  console.log(process.argv.includes('--json') ? JSON.stringify(figures, undefined, 2) : printed(figures))
}

import {
  type BinaryExpression,
  type Expression,
  isArrayLiteralExpression,
  isBinaryExpression,
  isCallExpression,
  isConditionalExpression,
  isExportDeclaration,
  isIfStatement,
  isImportDeclaration,
  isObjectLiteralExpression,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isStatement,
  isStringLiteral,
  isTemplateExpression,
  isThrowStatement,
  isTypeNode,
  isWhileStatement,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast'
import { type Edit, type Mutant, mutate } from './mutant.ts'

/**
 * Every mutant of a file, in the order of its text.
 *
 * - relations: `<` `<=` `>` `>=` shift their boundary and turn round, `===` and `!==` become each other
 * - logic: `&&` and `||` become each other or lose a side, `??` loses a side, `!` goes
 * - conditions of `if`, `while` and `?:` are always true, or never
 * - `true` and `false`, `+` and `-`, `*` and `/`, `%`, `++` and `--`, `+=` and `-=`, a minus sign
 * - statements go: calls, assignments, `return`, `continue`, `break`, `throw`
 * - texts, arrays and objects become empty; `every` and `some`, `min` and `max` become each other; `filter` goes
 *
 * Left alone: types and imports, texts with a space in them and what is thrown (prose, for people), statements whose
 * removal is the same as a condition that is never true, and a `return undefined` where a function ends anyway.
 */
export function mutantsOf(source: SourceFile, file: string): readonly Mutant[] {
  const { text } = source
  const edits: (Edit & Pick<Mutant, 'runsAt'>)[] = []
  const visit = (node: Node): void => {
    if (isTypeNode(node) || isImportDeclaration(node) || isExportDeclaration(node)) return
    for (const [part, replacement] of editsOf(node, text)) {
      const [start, end] = [part.getStart(source), part.end]
      if (text.slice(start, end) !== replacement) edits.push({ start, end, replacement, runsAt: node.getStart(source) })
    }
    if (!isThrowStatement(node)) node.forEachChild(visit)
  }
  visit(source)
  return named(edits, text, file)
}

function named(edits: readonly (Edit & Pick<Mutant, 'runsAt'>)[], text: string, file: string): readonly Mutant[] {
  const seen = new Map<string, number>()
  const results = new Set<string>()
  return edits
    .toSorted((a, b) => a.start - b.start || a.end - b.end)
    .flatMap((edit) => {
      const result = mutate(text, edit)
      if (results.has(result)) return []
      results.add(result)
      const begin = text.lastIndexOf('\n', edit.start - 1) + 1
      const lineText = text.slice(begin, text.indexOf('\n', edit.start)).trim()
      const what = `${folded(text.slice(edit.start, edit.end))} → ${folded(edit.replacement) || 'nothing'}`
      const occurrence = (seen.get(`${lineText}\n${what}`) ?? 0) + 1
      seen.set(`${lineText}\n${what}`, occurrence)
      return [{ file, line: text.slice(0, edit.start).split('\n').length, lineText, ...edit, what, occurrence }]
    })
}

function folded(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

type Replaced = readonly [part: Node, replacement: string]

function editsOf(node: Node, text: string): readonly Replaced[] {
  if (isBinaryExpression(node)) return binary(node)
  if (isIfStatement(node)) return alwaysOrNever(node.expression)
  if (isConditionalExpression(node)) return alwaysOrNever(node.condition)
  if (isWhileStatement(node)) return [[node.expression, 'false']]
  if (isPrefixUnaryExpression(node)) return prefix(node.operator, node, node.operand)
  if (isPostfixUnaryExpression(node)) {
    const operand = node.operand.getText()
    return [[node, node.operator === SyntaxKind.PlusPlusToken ? `${operand}--` : `${operand}++`]]
  }
  if (node.kind === SyntaxKind.TrueKeyword) return [[node, 'false']]
  if (node.kind === SyntaxKind.FalseKeyword) return [[node, 'true']]
  if (isStringLiteral(node) || node.kind === SyntaxKind.NoSubstitutionTemplateLiteral || isTemplateExpression(node))
    return isPlainText(node) ? [[node, "''"]] : []
  if (isArrayLiteralExpression(node)) return node.elements.length > 0 && !isAssigned(node) ? [[node, '[]']] : []
  if (isObjectLiteralExpression(node)) return node.properties.length > 0 ? [[node, emptyObject(node, text)]] : []
  if (isCallExpression(node)) return call(node.expression, node)
  return isStatement(node) && REMOVED.has(node.kind) && !standsAloneInIf(node) && !endsAnyway(node) ? [[node, ';']] : []
}

const RELATIONS: ReadonlyMap<SyntaxKind, readonly string[]> = new Map([
  [SyntaxKind.LessThanToken, ['<=', '>=']],
  [SyntaxKind.LessThanEqualsToken, ['<', '>']],
  [SyntaxKind.GreaterThanToken, ['>=', '<=']],
  [SyntaxKind.GreaterThanEqualsToken, ['>', '<']],
  [SyntaxKind.EqualsEqualsEqualsToken, ['!==']],
  [SyntaxKind.ExclamationEqualsEqualsToken, ['===']],
  [SyntaxKind.PlusToken, ['-']],
  [SyntaxKind.MinusToken, ['+']],
  [SyntaxKind.AsteriskToken, ['/']],
  [SyntaxKind.AsteriskAsteriskToken, ['*']],
  [SyntaxKind.SlashToken, ['*']],
  [SyntaxKind.PercentToken, ['*']],
  [SyntaxKind.PlusEqualsToken, ['-=']],
  [SyntaxKind.MinusEqualsToken, ['+=']],
  [SyntaxKind.QuestionQuestionEqualsToken, ['=']],
])

const LOGIC: ReadonlyMap<SyntaxKind, string> = new Map([
  [SyntaxKind.AmpersandAmpersandToken, '||'],
  [SyntaxKind.BarBarToken, '&&'],
  [SyntaxKind.QuestionQuestionToken, ''],
])

function binary(node: BinaryExpression): readonly Replaced[] {
  const { kind } = node.operatorToken
  const other = LOGIC.get(kind)
  if (other === undefined) return (RELATIONS.get(kind) ?? []).map((operator) => [node.operatorToken, operator])
  const sides: readonly Replaced[] = [
    [node, node.left.getText()],
    [node, node.right.getText()],
  ]
  return other === '' ? sides : [[node.operatorToken, other], ...sides]
}

function alwaysOrNever(condition: Expression): readonly Replaced[] {
  return [
    [condition, 'true'],
    [condition, 'false'],
  ]
}

function prefix(operator: SyntaxKind, node: Node, operand: Node): readonly Replaced[] {
  if (operator === SyntaxKind.PlusPlusToken) return [[node, `--${operand.getText()}`]]
  if (operator === SyntaxKind.MinusMinusToken) return [[node, `++${operand.getText()}`]]
  const goes = operator === SyntaxKind.ExclamationToken || operator === SyntaxKind.MinusToken
  return goes ? [[node, operand.getText()]] : []
}

const TURNED: Readonly<Record<string, string>> = { every: 'some', some: 'every', min: 'max', max: 'min' }

function call(callee: Expression, node: Node): readonly Replaced[] {
  if (!isPropertyAccessExpression(callee)) return []
  const name = callee.name.getText()
  if (Object.hasOwn(TURNED, name)) return [[callee.name, TURNED[name] ?? name]]
  return name === 'filter' ? [[node, callee.expression.getText()]] : []
}

const REMOVED: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.ExpressionStatement,
  SyntaxKind.ReturnStatement,
  SyntaxKind.ContinueStatement,
  SyntaxKind.BreakStatement,
  SyntaxKind.ThrowStatement,
])

/** Then its removal is the same as a condition that is never true. */
function standsAloneInIf(node: Node): boolean {
  const { parent } = node
  if (isIfStatement(parent)) return parent.elseStatement === undefined
  if (parent.kind !== SyntaxKind.Block || !isIfStatement(parent.parent)) return false
  let statements = 0
  parent.forEachChild(() => void statements++)
  return statements === 1 && parent.parent.elseStatement === undefined
}

function endsAnyway(node: Node): boolean {
  const { parent } = node
  if (!/^return(?: undefined)?$/.test(node.getText()) || parent.kind !== SyntaxKind.Block) return false
  return FUNCTIONS.has(parent.parent.kind) && node.end === lastOf(parent)?.end
}

function lastOf(block: Node): Node | undefined {
  let last: Node | undefined
  block.forEachChild((child) => {
    last = child
  })
  return last
}

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.ArrowFunction,
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.FunctionExpression,
  SyntaxKind.MethodDeclaration,
])

/** No prose, not empty, and no key of an object: the name of a property is its type's business. */
function isPlainText(node: Node): boolean {
  const isKey = node.parent.kind === SyntaxKind.PropertyAssignment && node.parent.getStart() === node.getStart()
  return !isKey && node.getText().length > 2 && !/\s/.test(node.getText())
}

/** `[a, b] = …` is no array. */
function isAssigned(node: Node): boolean {
  return (
    isBinaryExpression(node.parent) &&
    node.parent.left === node &&
    node.parent.operatorToken.kind === SyntaxKind.EqualsToken
  )
}

/** As the body of an arrow function it stands in parentheses already. */
function emptyObject(node: Node, text: string): string {
  return node.parent.kind === SyntaxKind.ArrowFunction && text[node.getStart() - 1] !== '(' ? '({})' : '{}'
}

/** What decides, and is therefore mutated. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { SourceFile } from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/sync'
import type { Mutant } from './mutant.ts'
import { mutantsOf } from './mutants.ts'

export const ROOT = join(import.meta.dirname, '..', '..')

/**
 * The decision core: every file whose edit could change a verdict, a reason or what a budget holds. Not in it: parsing
 * and validating with Cedar's own library (`parse`, `cedar`, `unsupported`, `written`, `argument-type`, `shown-limits`),
 * and what only tells people (`explain`, `likeness`, `reach`, `smallest-change`).
 */
export const CORE: readonly string[] = [
  ...[
    ...['answer-cost', 'arguments', 'book-clock', 'budget', 'budget-window', 'calendar', 'compile', 'context'],
    ...[
      'decide',
      'decimal',
      'delegation',
      'escrow',
      'exposure',
      'expression',
      'field-tree',
      'flow',
      'grant-permit',
      'guard',
    ],
    ...['judge', 'links', 'long', 'member', 'operators', 'pattern', 'request', 'asked-words', 'sent-words'],
    ...[
      'decided',
      'several',
      'skeleton',
      'slices',
      'sliding-window',
      'spelling',
      'spend',
      'task',
      'used',
      'value',
      'vocabulary',
      'word-parts',
    ],
  ].map((name) => only(`src/policy/*/${name}.ts`)),
  'src/ledger/views/holds.ts',
  ...['holds', 'ended-since'].map((name) => `src/gateway/pipeline/${name}.ts`),
]

/** Returns the one file that a pattern means; no file, or several, is an error in the list above. */
function only(pattern: string): string {
  const [file, ...others] = globSync(pattern, { cwd: ROOT })
  if (file === undefined || others.length > 0) throw new Error(`${pattern} does not mean one file`)
  return file
}

/** Parsed by TypeScript itself, as the project has it. */
export function mutantsOfAll(files: readonly string[]): readonly Mutant[] {
  const api = new API({ cwd: ROOT })
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(ROOT, 'tsconfig.json')] }).getProjects()
    return files.flatMap((file) => {
      const source: SourceFile | undefined = project?.program.getSourceFile(join(ROOT, file))
      if (source === undefined) throw new Error(`${file} is not in tsconfig.json's project: is it there?`)
      return mutantsOf(source, file)
    })
  } finally {
    api.close()
  }
}

/** Test files that load a file, by their imports. */
export function testsOf(file: string): readonly string[] {
  return TESTS.filter((test) => loads(test, file))
}

/**
 * The tests of the rooms that decide, in one process each. Those that start a gateway are left out: a mutant lives in one
 * process. So is `planted-bugs`, which tests copies of the compiler that it makes of the files on disk, and
 * `differential`, for which `as-cedar.ts` stands in.
 */
const TESTS = globSync(
  [
    'src/{policy,gateway}/**/*.test.ts',
    'src/ledger/views/*.test.ts',
    'test/sim/budgets.test.ts',
    'test/mutation/as-cedar.ts',
  ],
  {
    cwd: ROOT,
  },
)
  .filter((test) => !/\/(?:planted-bugs|differential|shown-limits)\.test\.ts$/.test(test))
  .sort()

const loaded = new Map<string, ReadonlySet<string>>()

function loads(test: string, file: string): boolean {
  const known = loaded.get(test) ?? reachedFrom(test)
  loaded.set(test, known)
  return known.has(file)
}

function reachedFrom(test: string): ReadonlySet<string> {
  const reached = new Set([test])
  for (const file of reached) for (const imported of importsOf(file)) reached.add(imported)
  return reached
}

const imports = new Map<string, readonly string[]>()

/** What is imported for its types alone is not loaded. */
function importsOf(file: string): readonly string[] {
  const known = imports.get(file)
  if (known) return known
  const found = readFileSync(join(ROOT, file), 'utf8').matchAll(
    /^(?:import|export) (?!type )[^']*?from '(\.{1,2}\/[^']+)'|import\(?\s*'(\.{1,2}\/[^']+)'/gm,
  )
  const own = [...found].map((match) => normalize(join(dirname(file), match[1] ?? match[2] ?? '')))
  imports.set(file, own)
  return own
}

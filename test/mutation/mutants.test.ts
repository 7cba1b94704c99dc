import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createVirtualFileSystem } from 'typescript/unstable/fs'
import { API } from 'typescript/unstable/sync'
import { CORE, mutantsOfAll, testsOf } from './core.ts'
import { explanationOf, explanations } from './explained.ts'
import { type Mutant, mutate } from './mutant.ts'
import { mutantsOf } from './mutants.ts'
import { Laboratory } from './trial.ts'

describe('mutants of a text', () => {
  const cases: readonly (readonly [text: string, ...mutants: string[]])[] = [
    ['f(a < b)', ';', 'f(a <= b)', 'f(a >= b)'],
    ['let a = b === c', 'let a = b !== c'],
    ['let a = b && c', 'let a = b || c', 'let a = b', 'let a = c'],
    ['let a = b ?? c', 'let a = b', 'let a = c'],
    ['let a = !b', 'let a = b'],
    ['let a = b ? c : d', 'let a = true ? c : d', 'let a = false ? c : d'],
    ['if (a) f()', 'if (true) f()', 'if (false) f()'],
    ['while (a) { f(); g() }', 'while (false) { f(); g() }', 'while (a) { ; g() }', 'while (a) { f(); ; }'],
    ['let a = true', 'let a = false'],
    ['let a = b + 1', 'let a = b - 1'],
    ["let a: 'x' = 'x'", "let a: 'x' = ''"],
    ["let a = 'two words'"],
    ["throw new Error('x')", ';'],
    ["import 'x'"],
    ['function a() { return undefined }'],
    ['function a() { f(); return }', 'function a() { ; return }'],
    ['function a() { return b }', 'function a() { ; }'],
    ['let a = [b]', 'let a = []'],
    ['let a = () => ({ b })', 'let a = () => ({})'],
    ['let a = b.every(c)', 'let a = b.some(c)'],
    ['let a = b.filter(c)', 'let a = b'],
    [
      "let a = '“' + b < c",
      "let a = '' + b < c",
      "let a = '“' - b < c",
      "let a = '“' + b <= c",
      "let a = '“' + b >= c",
    ],
  ]

  for (const [text, ...expected] of cases) {
    it(text, () => {
      const found = mutantsIn(text).map((mutant) => mutate(text, mutant))
      assert.deepEqual(found.sort(), expected.sort())
    })
  }

  it('are told apart by their line, what becomes of it, and how often that was seen', () => {
    const told = mutantsIn('f()\nif (a === b) f(c === d)\n').map(({ line, what, occurrence }) => [
      line,
      what,
      occurrence,
    ])
    assert.deepEqual(told, [
      [1, 'f() → ;', 1],
      [2, 'a === b → true', 1],
      [2, 'a === b → false', 1],
      [2, '=== → !==', 1],
      [2, '=== → !==', 2],
    ])
  })
})

describe('a trial', () => {
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-mutation-'))
  after(() => rmSync(directory, { recursive: true }))
  const file = 'src/policy/flow/links.ts'
  const test = 'src/policy/flow/links.test.ts'

  it('passes without a mutant, fails with one, and knows which code it ran', async () => {
    const laboratory = new Laboratory(directory, 1)
    const mutant = mutantsOfAll([file]).find(({ what }) => what === 'return [...found] → ;')
    assert.ok(mutant)
    assert.equal((await laboratory.try(test, 60)).outcome, 'passed')
    assert.equal((await laboratory.try(test, 60, mutant)).outcome, 'failed')
    const runs = await laboratory.observe(test)
    assert.equal(runs?.(file, mutant.runsAt), true)
    assert.equal(runs?.('src/policy/decide/task.ts', mutant.runsAt), false)
  })

  it('is made with every test that loads the file', () => {
    const tests = testsOf('src/gateway/pipeline/ended-since.ts')
    const loads = ['ended-since.test.ts', 'pipeline.test.ts', '../protocols/mcp/door/methods.test.ts']
    for (const each of loads) assert.ok(tests.includes(join('src/gateway/pipeline', each)), each)
    assert.ok(!tests.includes('src/policy/flow/links.test.ts'))
    assert.equal(new Set(tests).size, tests.length)
    for (const each of CORE) assert.ok(testsOf(each).length > 0, each)
  })
})

describe('survivors.json', () => {
  it('explains mutants that there are, and each one once', () => {
    const mutants = mutantsOfAll(CORE)
    const used = new Set(mutants.map(explanationOf))
    assert.deepEqual(
      explanations.filter((each) => !used.has(each)),
      [],
    )
    for (const { file, what, why } of explanations) assert.ok(why.length > 0, `${file}: ${what}`)
  })
})

/** Parsed by TypeScript as the only file of a project. */
function mutantsIn(text: string): readonly Mutant[] {
  const tsconfig = '{"compilerOptions":{"noLib":true},"files":["text.ts"]}'
  const api = new API({ cwd: '/', fs: createVirtualFileSystem({ '/tsconfig.json': tsconfig, '/text.ts': text }) })
  try {
    const [project] = api.updateSnapshot({ openProjects: ['/tsconfig.json'] }).getProjects()
    const source = project?.program.getSourceFile('/text.ts')
    assert.ok(source)
    return mutantsOf(source, 'text.ts')
  } finally {
    api.close()
  }
}

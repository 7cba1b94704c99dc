import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { repository } from '../../test/kit/command-line.ts'
import { firebreakHere } from '../../test/kit/firebreak-here.ts'
import { parseHere } from '../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { loadConfig } from '../config/load.ts'
import { judgeConfig } from '../host/prepare/setup.ts'
import { rehearse } from './attempt.ts'
import { readPolicyTests, runPolicyTest } from './policy-test.ts'

const DESK = join(repository, 'examples/refund-desk')
const loaded = await loadConfig(join(DESK, 'firebreak.yaml'), { node: process.execPath })
const judged = loaded.ok ? await judgeConfig(loaded.value, undefined, parseHere) : loaded
assert.ok(judged.ok, JSON.stringify(judged))
const desk = rehearse(judged.value)

describe('policy test', () => {
  it('S15: the refund desk’s own table holds, each verdict for the reason that it names', () => {
    const tests = readPolicyTests(join(DESK, 'policies/desk.test.yaml'), desk)
    assert.ok(tests.ok, JSON.stringify(tests))
    const results = tests.value.map((test) => runPolicyTest(desk, test))
    assert.deepEqual(
      results.filter(({ passed }) => !passed),
      [],
    )
    assert.deepEqual(new Set(results.map(({ verdict }) => verdict)), new Set(['allow', 'deny', 'hold']))
  })

  it('a verdict for another reason than the one that is named is not what was expected', () => {
    const [right, wrong, other] = ['grant-condition', 'budget', undefined].map((because) =>
      verdictOf({ amount: 60, expect: 'deny', because }),
    )
    assert.deepEqual([right?.passed, wrong?.passed, other?.passed], [true, false, true])
    assert.equal(verdictOf({ amount: 60, expect: 'hold' }).passed, false)
  })

  it('arguments, spend, labels and time are judged as the gateway judges them', () => {
    const kinds = (row: Row) => verdictOf(row).reasons.map(({ kind }) => kind)
    assert.deepEqual(kinds({ args: 'extra: 1' }).slice(0, 1), ['arguments'])
    assert.ok(kinds({ amount: '"-1"' }).includes('arguments'), 'a text where the schema wants a number')
    assert.ok(kinds({ amount: -1 }).includes('spend'))
    assert.ok(kinds({ args: 'note: see www.evil.example/x', labels: 'untrusted' }).includes('link'))
    assert.ok(!kinds({ args: 'note: see www.evil.example/x', labels: '' }).includes('link'))
  })

  const wrong: readonly (readonly [string, string, line: number, message: RegExp])[] = [
    [
      'an unknown key',
      '- { name: a, agent: desk, tool: fetcher/fetch, expect: deny, becuase: x }',
      1,
      /unknown key "becuase"/,
    ],
    ['no verdict', '- name: a\n  agent: desk\n  tool: fetcher/fetch', 1, /"expect" is missing/],
    ['a verdict that is none', '- name: a\n  agent: desk\n  tool: fetcher/fetch\n  expect: maybe', 4, /found "maybe"/],
    [
      'an agent that is not declared',
      '\n- { name: a, agent: nobody, tool: fetcher/fetch, expect: deny }',
      2,
      /agent "nobody"/,
    ],
    [
      'a tool that is not declared',
      '- { name: a, agent: desk, tool: fetcher/fetcch, expect: deny }',
      1,
      /"fetcher\/fetcch"/,
    ],
    [
      'a number that JSON cannot carry',
      '- { name: a, agent: desk, tool: fetcher/fetch, args: { n: 9007199254740993 }, expect: deny }',
      1,
      /no JSON object/,
    ],
    ['a key twice', '- { name: a, name: b, agent: desk, tool: fetcher/fetch, expect: deny }', 1, /unique/],
  ]
  for (const [name, yaml, line, message] of wrong) {
    it(`${name} is a problem with its line`, () => {
      const read = readPolicyTests(fileWith(yaml), desk)
      const [problem] = read.ok ? [] : read.reason
      assert.equal(problem?.source.line, line)
      assert.match(problem?.message ?? '', message)
    })
  }

  it('the command finds the tests beside its configuration, and exits 0 when all are as expected, 1 when one is not', async () => {
    const config = ['--config', join(DESK, 'firebreak.yaml'), '--json']
    const off = fileWith(rowText({ amount: 60, expect: 'allow' }))
    const [all, one] = await Promise.all([
      firebreakHere(['policy', 'test', ...config]),
      firebreakHere(['policy', 'test', off, ...config]),
    ])
    assert.deepEqual([all.code, one.code], [0, 1], all.stderr + one.stderr)
    const told = JSON.parse(one.stdout.trim())
    assert.equal(told.tests[0].verdict, 'deny')
    assert.match(told.tests[0].reasons[0], /outside the condition of grant g_desk-payments-test-2/)
  })
})

interface Row {
  readonly amount?: number | string
  readonly args?: string
  readonly labels?: string
  readonly expect?: string
  readonly because?: string | undefined
}

function rowText({ amount = 10, args, labels, expect = 'allow', because }: Row): string {
  const all = [
    `amount: ${amount}`,
    'order: o1, account: A1, currency: EUR',
    ...(args === undefined ? [] : [args]),
  ].join(', ')
  return [
    '- name: a row',
    '  agent: desk',
    '  known: [A1]',
    ...(labels === undefined ? [] : [`  labels: [${labels}]`]),
    '  tool: payments-test/refunds.create',
    `  args: { ${all} }`,
    `  expect: ${expect}`,
    ...(because === undefined ? [] : [`  because: ${because}`]),
  ].join('\n')
}

function verdictOf(row: Row) {
  const tests = readPolicyTests(fileWith(rowText(row)), desk)
  assert.ok(tests.ok && tests.value[0], JSON.stringify(tests))
  return runPolicyTest(desk, tests.value[0])
}

function fileWith(yaml: string): string {
  const file = join(temporaryDirectory(), 'own.test.yaml')
  writeFileSync(file, yaml)
  return file
}

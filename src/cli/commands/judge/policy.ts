import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { withoutUndo } from '../../../control/advice/demands.ts'
import { POLICY_TESTS } from '../../../control/advice/survey.ts'
import { type Problem, sourceText } from '../../../model/index.ts'
import { explain } from '../../../policy/index.ts'
import { rehearse } from '../../../rehearsal/attempt.ts'
import { type PolicyTestResult, readPolicyTests, runPolicyTest } from '../../../rehearsal/policy-test.ts'
import { type Call, CONFIG_OPTION, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'policy',
  usage: [
    'firebreak policy validate [--config <file>]',
    'firebreak policy test [<file.test.yaml> …] [--config <file>]',
  ],
  example: 'firebreak policy validate\nfirebreak policy test policies/desk.test.yaml',
  words: Number.POSITIVE_INFINITY,
  options: {
    ...CONFIG_OPTION,
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  switch (call.positionals[0]) {
    case 'validate':
      return validate(call)
    case 'test':
      return test(call)
    default:
      call.print.fault('policy what?', ...command.usage.map((line) => `usage: ${line}`))
      return EXIT.usage
  }
}

async function validate(call: Call): Promise<ExitCode> {
  const read = await readConfig(call)
  if (!read.ok) return read.reason
  const { policies, config } = read.value
  const forbids = policies.policies.filter(({ effect }) => effect === 'forbid')
  const permits = policies.policies.filter(({ effect }) => effect === 'permit')
  call.print.line(`${config.file}: ${permits.length} grants, ${forbids.length} policies that forbid, no problem`)
  for (const { id, source } of policies.waiting) {
    call.print.line(
      `  not in force: ${id} (${sourceText(source)}) speaks of nothing that is declared and accepted yet (firebreak accept)`,
    )
  }
  const final = [...config.upstreams.values()].flatMap((upstream) =>
    withoutUndo(config, upstream).map(({ name }) => `${upstream.name}/${name}`),
  )
  if (final.length > 0) call.print.line(`  no undo: ${final.join(', ')}`)
  call.print.object({
    ok: true,
    noUndo: final,
    grants: permits.map(({ id }) => id),
    forbids: forbids.map(({ id }) => id),
    waiting: policies.waiting,
  })
  return EXIT.ok
}

/** Tables of actions and expected verdicts, decided under the real configuration. */
async function test(call: Call): Promise<ExitCode> {
  const read = await readConfig(call)
  if (!read.ok) return read.reason
  const { directory, file: configFile } = read.value.config
  const [, ...named] = call.positionals
  const files =
    named.length > 0
      ? named
      : globSync(POLICY_TESTS, { cwd: directory })
          .sort()
          .map((file) => join(directory, file))
  if (files.length === 0) {
    call.print.fault(`there is no test beside ${configFile}: ${POLICY_TESTS.join(', ')}`, `usage: ${command.usage[1]}`)
    return EXIT.usage
  }
  const rehearsal = rehearse(read.value)
  const results: Result[] = []
  for (const file of files) {
    const tests = readPolicyTests(file, rehearsal)
    if (!tests.ok) {
      const count = tests.reason.length === 1 ? 'a problem' : `${tests.reason.length} problems`
      call.print.fault(`${file} has ${count}`, ...tests.reason.map((problem) => problemText(problem, dirname(file))))
      return EXIT.usage
    }
    const own = tests.value.map((each) => ({ file, ...runPolicyTest(rehearsal, each) }))
    const width = Math.min(70, Math.max(0, ...own.map((each) => each.test.name.length)))
    call.print.line(file)
    for (const each of own) for (const line of resultLines(each, width)) call.print.line(line)
    results.push(...own)
  }
  const failed = results.filter(({ passed }) => !passed).length
  call.print.line(`${results.length} tests, ${failed === 0 ? 'all as expected' : `${failed} not as expected`}`)
  call.print.object({ ok: failed === 0, tests: results.map(resultObject) })
  return failed === 0 ? EXIT.ok : EXIT.failed
}

type Result = PolicyTestResult & { readonly file: string }

function resultLines({ test, passed, verdict, reasons }: Result, width: number): readonly string[] {
  const { name, tool, expect, because } = test
  const head = `  ${passed ? 'ok  ' : 'FAIL'}  ${printable(name).padEnd(width)}  ${verdict.padEnd(5)}  ${printable(tool)}`
  if (passed) return [head]
  const wanted = printable(`${expect}${because === undefined ? '' : ` because of ${because}`}`)
  const told = explain({ reasons }).map((line) => `          ${printable(line)}`)
  return [head, `        expected ${wanted}; decided ${verdict}:`, ...told]
}

function resultObject({ file, test, passed, verdict, reasons }: Result): object {
  const { name, tool, expect, because, source } = test
  return { file, line: source.line, name, tool, expect, because, passed, verdict, reasons: explain({ reasons }) }
}

function problemText({ source, message, expected }: Problem, directory: string): string {
  const place = `${sourceText({ ...source, file: join(directory, source.file) })}:${source.column}`
  return printable(`${place} ${message}${expected === undefined ? '' : ` — expected ${expected}`}`)
}

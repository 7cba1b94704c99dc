import process from 'node:process'
import { parseArgs } from 'node:util'
import { type Call, type Command, EXIT, helpText, type Printer, parseOptions } from './command.ts'
import { printable, printableJson } from './printable.ts'

/** One file each, loaded only when called: a start costs what its command needs. */
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  init: () => import('./commands/init.ts'),
  doctor: () => import('./commands/doctor.ts'),
  run: () => import('./commands/run.ts'),
  accept: () => import('./commands/accept.ts'),
  logs: () => import('./commands/logs.ts'),
  why: () => import('./commands/why.ts'),
  approvals: () => import('./commands/approvals.ts'),
  approve: () => import('./commands/approve.ts'),
  deny: () => import('./commands/deny.ts'),
  diff: () => import('./commands/diff.ts'),
  commit: () => import('./commands/commit.ts'),
  policy: () => import('./commands/policy.ts'),
  reach: () => import('./commands/reach.ts'),
  replay: () => import('./commands/replay.ts'),
  ledger: () => import('./commands/ledger.ts'),
}

// Whoever reads our output may stop reading: `firebreak logs | head`.
process.stdout.on('error', () => process.exit(0))
process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return overview(args[0])
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) {
    process.stderr.write(`firebreak: there is no command "${name}". Commands: ${Object.keys(COMMANDS).join(', ')}\n`)
    return EXIT.usage
  }
  return call((await load()).command, args)
}

async function call(command: Command, args: readonly string[]): Promise<number> {
  const split = args.indexOf('--')
  const own = split === -1 ? args : args.slice(0, split)
  const rest = split === -1 ? [] : args.slice(split + 1)
  const print = printer(own.includes('--json'))
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: [...own], options: parseOptions(command), allowPositionals: true, strict: true })
  } catch (error) {
    print.fault(error instanceof Error ? error.message : String(error), `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  if (parsed.values.help === true) {
    console.log(helpText(command))
    return EXIT.ok
  }
  const given: Call = {
    text: (option) => {
      const value = parsed.values[option]
      return typeof value === 'string' ? value : undefined
    },
    flag: (option) => parsed.values[option] === true,
    positionals: parsed.positionals,
    rest,
    print,
  }
  return command.run(given)
}

async function overview(name: string | undefined): Promise<number> {
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load !== undefined) {
    console.log(helpText((await load()).command))
    return EXIT.ok
  }
  const commands = await Promise.all(Object.values(COMMANDS).map(async (each) => (await each()).command))
  console.log(
    'Firebreak contains autonomous agents: one misstep stays one misstep.\n\nusage: firebreak <command> [options]\n',
  )
  for (const { name: word, summary } of commands) console.log(`  ${word.padEnd(10)}${summary}`)
  console.log('\nfirebreak <command> --help shows its options and an example.')
  return EXIT.ok
}

/** Whatever a command prints holds names and text of others: the terminal is defended here, once for all of them. */
function printer(json: boolean): Printer {
  return {
    json,
    line: (text) => {
      if (!json) console.log(printable(text))
    },
    object: (value) => {
      if (json) console.log(printableJson(value))
    },
    fault: (message, ...more) => {
      process.stderr.write(`firebreak: ${indented(message)}\n${more.map((line) => `  ${indented(line)}\n`).join('')}`)
      if (json) console.log(printableJson({ ok: false, error: message, more }))
    },
    progress: (text) => process.stderr.write(`firebreak: ${indented(text)}\n`),
  }
}

/** A message of several lines stays one: none of them begins where ours do. */
function indented(message: string): string {
  return message.split('\n').map(printable).join('\n      ')
}

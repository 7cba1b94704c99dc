import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { isPersonName } from '../model/index.ts'
import { type Call, type Command, EXIT, type ExitCode, helpText, type Printer, parseOptions } from './command.ts'
import { printable, printableJson } from './printable.ts'

type Load = () => Promise<{ readonly command: Command }>

/** In the order that a person meets them. One file each, loaded only when called: a start costs what its command needs. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'set up': {
    init: () => import('./commands/init.ts'),
    doctor: () => import('./commands/doctor.ts'),
    accept: () => import('./commands/accept.ts'),
  },
  'judge it before it runs': {
    reach: () => import('./commands/reach.ts'),
    policy: () => import('./commands/policy.ts'),
    replay: () => import('./commands/replay.ts'),
    drill: () => import('./commands/drill.ts'),
  },
  'run it': {
    run: () => import('./commands/run.ts'),
    approvals: () => import('./commands/approvals.ts'),
    approve: () => import('./commands/approve.ts'),
    deny: () => import('./commands/deny.ts'),
  },
  'stop it': {
    ps: () => import('./commands/ps.ts'),
    contain: () => import('./commands/contain.ts'),
    kill: () => import('./commands/kill.ts'),
    release: () => import('./commands/release.ts'),
  },
  'the way back': {
    undo: () => import('./commands/undo.ts'),
  },
  'see what it did': {
    logs: () => import('./commands/logs.ts'),
    why: () => import('./commands/why.ts'),
    incident: () => import('./commands/incident.ts'),
    diff: () => import('./commands/diff.ts'),
    commit: () => import('./commands/commit.ts'),
    ledger: () => import('./commands/ledger.ts'),
  },
  'go back': {
    checkpoint: () => import('./commands/checkpoint.ts'),
    restore: () => import('./commands/restore.ts'),
  },
}
const COMMANDS: Readonly<Record<string, Load>> = Object.assign({}, ...Object.values(GROUPS))

// Whoever reads our output may stop reading: `firebreak logs | head`.
process.stdout.on('error', () => process.exit(0))
process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return overview(args[0])
  if (name === '--version' || name === '-V') {
    console.log(`firebreak ${version()}`)
    return EXIT.ok
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) return unknown(name, args.includes('--json'))
  return call((await load()).command, args)
}

function unknown(name: string, json: boolean): ExitCode {
  const near = Object.keys(COMMANDS).find((known) => known.startsWith(name.slice(0, 3)))
  const next = near === undefined ? `one of: ${Object.keys(COMMANDS).join(', ')}` : `did you mean: firebreak ${near}`
  printer(json).fault(`there is no command "${name}"`, next, 'firebreak --help tells what each does')
  return EXIT.usage
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')
  // Our own, of this very checkout.
  return (JSON.parse(text) as { readonly version: string }).version
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
    print.fault(
      error instanceof Error ? error.message : String(error),
      ...command.usage.map((line) => `usage: ${line}`),
    )
    return EXIT.usage
  }
  if (parsed.values.help === true) {
    console.log(helpText(command))
    return EXIT.ok
  }
  const surplus = parsed.positionals[command.words ?? 0]
  if (surplus !== undefined) {
    print.fault(`"${surplus}" is one word too many`, ...command.usage.map((line) => `usage: ${line}`))
    return EXIT.usage
  }
  const given: Call = {
    text: (option) => {
      const value = parsed.values[option]
      return typeof value === 'string' ? value : undefined
    },
    texts: (option) => {
      const values = parsed.values[option]
      return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : []
    },
    flag: (option) => parsed.values[option] === true,
    positionals: parsed.positionals,
    rest,
    print,
  }
  for (const option of ['as', 'by']) {
    const person = given.text(option)
    if (person === undefined || isPersonName(person)) continue
    print.fault(`--${option} names nobody: a person has 1 to 256 characters`, 'nothing was done')
    return EXIT.usage
  }
  // A stop is ordered all the same, and doctor tells it among the rest.
  if (command.options.state !== undefined && !['contain', 'kill', 'doctor'].includes(command.name)) {
    const { stateFault, stateOf } = await import('./state.ts')
    const fault = stateFault(stateOf(given))
    if (fault !== undefined) print.fault(fault.problem, fault.fix)
    if (fault !== undefined) return EXIT.storeUnreachable
  }
  return command.run(given)
}

async function overview(name: string | undefined): Promise<number> {
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load !== undefined) {
    console.log(helpText((await load()).command))
    return EXIT.ok
  }
  if (name !== undefined) return unknown(name, false)
  console.log('Firebreak contains autonomous agents: one misstep stays one misstep.\n')
  console.log('usage: firebreak <command> [options]')
  for (const [group, commands] of Object.entries(GROUPS)) {
    console.log(`\n${group}`)
    for (const { command } of await Promise.all(Object.values(commands).map((each) => each())))
      console.log(`  ${command.name.padEnd(11)}${command.summary}`)
  }
  console.log('\nfirebreak <command> --help shows its options and an example; --version says which this is.')
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

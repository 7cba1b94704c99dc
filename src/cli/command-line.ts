import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isPersonName, parseJson } from '../model/index.ts'
import {
  type Call,
  type Command,
  EXIT,
  type ExitCode,
  helpText,
  type Printer,
  parseOptions,
  twoConfigurations,
} from './command.ts'
import { COMMANDS, GROUPS } from './commands.ts'
import { printable, printableJson } from './print/printable.ts'

/** The two streams that a command line prints to. */
export interface CommandOutput {
  /** Prints a line on standard output; the line's end is added. */
  readonly line: (text: string) => void
  /** Prints text on standard error as it is. */
  readonly error: (text: string) => void
}

/** Runs one command line, without the program's name, and returns the exit code. */
export async function runCommandLine([name, ...args]: readonly string[], streams: CommandOutput): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return overview(args[0], streams)
  if (name === '--version' || name === '-V') {
    streams.line(`firebreak ${version()}`)
    return EXIT.ok
  }
  const listed = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (listed === undefined) return unknown(name, printer(args.includes('--json'), streams))
  return call((await listed.load()).command, listed.summary, args, streams)
}

function unknown(name: string, print: Printer): ExitCode {
  const near = Object.keys(COMMANDS).find((known) => known.startsWith(name.slice(0, 3)))
  const next = near === undefined ? `one of: ${Object.keys(COMMANDS).join(', ')}` : `did you mean: firebreak ${near}`
  print.fault(`there is no command "${name}"`, next, 'firebreak --help tells what each does')
  return EXIT.usage
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')
  // Our own, of this very checkout.
  return (parseJson(text) as { readonly version: string }).version
}

async function call(
  command: Command,
  summary: string,
  args: readonly string[],
  streams: CommandOutput,
): Promise<number> {
  const split = args.indexOf('--')
  const own = split === -1 ? args : args.slice(0, split)
  const rest = split === -1 ? [] : args.slice(split + 1)
  const print = printer(own.includes('--json'), streams)
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
    streams.line(helpText(command, summary))
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
    const named = [given.text(option), ...given.texts(option)]
    if (named.every((person) => person === undefined || isPersonName(person))) continue
    print.fault(`--${option} names nobody: a person has 1 to 256 characters`, 'nothing was done')
    return EXIT.usage
  }
  const two = command.options.config !== undefined && command.name !== 'init' ? twoConfigurations(given) : undefined
  if (two !== undefined) {
    const [here, beside] = two
    print.fault(
      `there is a ${here} here, and one beside this directory: nothing tells which is meant`,
      `--config ${beside} is what firebreak init --for wrote; --config ${here} came with what lies here`,
    )
    return EXIT.usage
  }
  // A stop is ordered all the same, and doctor tells it among the rest.
  if (command.options.state !== undefined && !['contain', 'kill', 'doctor'].includes(command.name)) {
    const { stateFault, stateOf } = await import('./options/state.ts')
    const fault = stateFault(stateOf(given))
    if (fault !== undefined) print.fault(fault.problem, fault.fix)
    if (fault !== undefined) return EXIT.storeUnreachable
  }
  return command.run(given)
}

async function overview(name: string | undefined, streams: CommandOutput): Promise<number> {
  const listed = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (listed !== undefined) {
    streams.line(helpText((await listed.load()).command, listed.summary))
    return EXIT.ok
  }
  if (name !== undefined) return unknown(name, printer(false, streams))
  streams.line('Firebreak contains autonomous agents: one misstep stays one misstep.\n')
  streams.line('usage: firebreak <command> [options]')
  for (const [group, commands] of Object.entries(GROUPS)) {
    streams.line(`\n${group}`)
    for (const [each, { summary }] of Object.entries(commands)) streams.line(`  ${each.padEnd(11)}${summary}`)
  }
  streams.line('\nfirebreak <command> --help shows its options and an example; --version says which this is.')
  return EXIT.ok
}

/**
 * Returns the printer of one call. Names and texts of others stand in all that is printed: the terminal is defended
 * here, once for every command.
 */
function printer(json: boolean, { line, error }: CommandOutput): Printer {
  return {
    json,
    line: (text) => {
      if (!json) line(printable(text))
    },
    object: (value) => {
      if (json) line(printableJson(value))
    },
    fault: (message, ...more) => {
      error(`firebreak: ${indented(message)}\n${more.map((line) => `  ${indented(line)}\n`).join('')}`)
      if (json) line(printableJson({ ok: false, error: message, more }))
    },
    progress: (text) => error(`firebreak: ${indented(text)}\n`),
  }
}

/** A message of several lines stays one: none of them begins where ours do. */
function indented(message: string): string {
  return message.split('\n').map(printable).join('\n      ')
}

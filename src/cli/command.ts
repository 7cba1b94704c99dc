import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import type { ParseArgsOptionsConfig } from 'node:util'

/** One command of `firebreak`, as its `--help` shows it. One file each in `commands/`. */
export interface Command {
  readonly name: string
  /** Lines that begin with `firebreak <name>`. */
  readonly usage: readonly string[]
  readonly example: string
  /** Exit codes of the command that are not in EXIT, such as those of a program that it ran. */
  readonly exits?: string
  readonly options: Readonly<Record<string, Option>>
  /** Number of words that it takes beside its options; none where absent. */
  readonly words?: number
  readonly run: (call: Call) => Promise<ExitCode>
}

export interface Option {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** True where it may be given several times; strings only. */
  readonly multiple?: true
  /** Word that stands for the value in the help; strings only. */
  readonly value?: string
  readonly help: string
}

/** The command line of one call, already judged against the command's options. */
export interface Call {
  readonly text: (option: string) => string | undefined
  /** Returns all values of an option that may be given several times. */
  readonly texts: (option: string) => readonly string[]
  readonly flag: (option: string) => boolean
  readonly positionals: readonly string[]
  /** Everything after `--`. */
  readonly rest: readonly string[]
  readonly print: Printer
}

export interface Printer {
  readonly json: boolean
  /** Prints a line for a person, on standard output; nothing with --json. */
  readonly line: (text: string) => void
  /** With --json: one object, on the last line of standard output. */
  readonly object: (value: unknown) => void
  /** Tells what went wrong, with which, and what to do next; on standard error, and in the object with --json. */
  readonly fault: (message: string, ...more: readonly string[]) => void
  /** Progress on standard error. */
  readonly progress: (text: string) => void
}

/** Stable: scripts depend on them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  needsApproval: 4,
  contained: 5,
  storeUnreachable: 6,
  integrity: 7,
} as const

/** Each of them in words, as every help shows them. */
const EXIT_CODES = '0 ok, 1 failed, 2 usage, 3 denied, 4 needs approval, 5 contained, 6 store unreachable, 7 integrity'

export type ExitCode = number

/** The option of every command that reads a configuration. */
export const CONFIG_OPTION: Readonly<Record<string, Option>> = {
  config: {
    type: 'string',
    short: 'c',
    value: 'file',
    help: 'the configuration (default: firebreak.yaml here, or in ../<this directory>.firebreak)',
  },
}

/**
 * Returns the configuration that a command means: what `--config` names, the one in this directory, or the one that
 * `init --for` wrote beside it, since what decides cannot lie in the workspace that it decides upon.
 */
export function configFile(call: Call): string {
  const named = call.text('config')
  if (named !== undefined || existsSync(CONFIG_NAME)) return named ?? CONFIG_NAME
  const beside = join(directoryBeside(process.cwd()), CONFIG_NAME)
  return existsSync(beside) ? beside : CONFIG_NAME
}

/**
 * Returns both configurations that a call in this directory could mean, where there are two and `--config` names none: what lies
 * in a workspace may have come with other people's files.
 */
export function twoConfigurations(call: Call): readonly [here: string, beside: string] | undefined {
  const beside = join('..', basename(directoryBeside(process.cwd())), CONFIG_NAME)
  const isOpen = call.text('config') === undefined && existsSync(CONFIG_NAME) && existsSync(beside)
  return isOpen ? [CONFIG_NAME, beside] : undefined
}

const CONFIG_NAME = 'firebreak.yaml'

/** Returns the directory beside a workspace in which its configuration lies. */
export function directoryBeside(workspace: string): string {
  return join(dirname(workspace), `${basename(workspace)}.firebreak`)
}

/** Every command has these. */
export const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', help: 'print one JSON object on the last line' },
  help: { type: 'boolean', short: 'h', help: 'show this help' },
}

export function parseOptions(command: Command): ParseArgsOptionsConfig {
  const entries = Object.entries({ ...command.options, ...COMMON_OPTIONS })
  return Object.fromEntries(
    entries.map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short && { short }), ...(multiple && { multiple }) },
    ]),
  )
}

/** Returns the whole help of a command, for a terminal. */
export function helpText(command: Command, summary: string): string {
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `
    const value = option.type === 'string' ? ` <${option.value ?? 'text'}>` : ''
    return [`  ${short}--${name}${value}`, option.help] as const
  })
  const width = Math.max(...options.map(([left]) => left.length)) + 2
  return [
    `${summary}.`,
    '',
    ...command.usage.map((line, i) => `${i === 0 ? 'usage: ' : '       '}${line}`),
    '',
    'options:',
    ...options.map(([left, right]) => `${left.padEnd(width)}${right}`),
    '',
    'example:',
    ...command.example.split('\n').map((line) => `  ${line}`),
    '',
    `exit codes: ${command.exits ?? ''}${EXIT_CODES}`,
  ].join('\n')
}

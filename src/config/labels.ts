import { basename, resolve } from 'node:path'
import { type Label, UNTRUSTED } from '../model/index.ts'
import type { CellConfig } from './config.ts'

/**
 * Returns the labels that a cell begins with. What `labels:` says is believed; where it says nothing, a workspace is
 * untrusted, and so are files and a standard input that may be data: all but the program itself and what lies around it.
 *
 * @param command what its cell is going to run.
 * @param input whether something is piped into it.
 */
export function labelsAtStart(
  cell: Pick<CellConfig, 'workspace' | 'files' | 'labels' | 'labelled'>,
  command: readonly string[],
  input: boolean = false,
): readonly Label[] {
  if (cell.labelled) return cell.labels
  const data = [...cell.files].some(([place, from]) => !isProgram(place, from, command))
  return cell.workspace !== undefined || data || input ? [UNTRUSTED] : []
}

/**
 * Tells whether a shown file is a program and no data: of the host itself, where only packages write; packages; or what
 * the command runs, with all that is shown together with it. Whatever else the command names is what it works on.
 */
function isProgram(place: string, from: string, command: readonly string[]): boolean {
  if (SYSTEM.some((directory) => `${from}/`.startsWith(directory))) return true
  if (PACKAGES.has(basename(place))) return true
  return programsOf(command).some((word) => {
    const named = word.startsWith('/') ? resolve(word) : word
    return named === place || named.startsWith(`${place.replace(/\/$/, '')}/`) || basename(place) === named
  })
}

/**
 * Returns the words of a command that name what runs: its first one, and of an interpreter the script, which is its first
 * word, what `-m` or `-jar` names, or, behind options, the first that has the name of a script. Where it cannot be told,
 * none: then its files count as data.
 */
function programsOf([program, ...words]: readonly string[]): readonly string[] {
  if (program === undefined) return []
  const [name, [first = '-']] = [basename(program), words]
  if (LAUNCHERS.test(name)) return launchedBy(words)
  if (!INTERPRETERS.test(name)) return [program]
  if (!first.startsWith('-')) return [program, first]
  const at = words.findIndex((word, i) => INLINE.test(word) || RUNS_NEXT.has(words[i - 1] ?? '') || SCRIPT.test(word))
  const script = words[at]
  return script === undefined ? [program] : [program, script]
}

/**
 * Returns the words that name what a launcher runs; none where a word before them may be the value of an option, which is
 * a directory as often as a program.
 */
function launchedBy(words: readonly string[]): readonly string[] {
  const at = words.findIndex((word) => !LAUNCHING.test(word))
  const own = words.slice(0, at)
  const told = own.every((word, i) => !word.startsWith('-') || ALONE.test(word) || isValue(own[i + 1]))
  return at >= 0 && told ? programsOf(words.slice(at)) : []
}

/** Tells whether the word behind an option is its value or nobody's, so that the program stands further on. */
function isValue(word: string | undefined): boolean {
  return word !== undefined && (word === '--' || !word.startsWith('-'))
}

const INTERPRETERS =
  /^(?:node|nodejs|tsx|ts-node|python[\d.]*|pypy[\d.]*|ruby|perl|php|lua|Rscript|julia|java|sh|bash|dash|zsh|ksh|fish)$/
const SCRIPT = /\.(?:[cm]?[jt]s|[jt]sx|pyz?|rb|pl|sh|bash|php|lua|jl|R|jar)$/
/** Options whose next word is what runs. */
const RUNS_NEXT = new Set(['-m', '-jar'])
/** Options with which the program stands in the command, or comes from standard input: no file holds it. */
const INLINE = /^-(?:[A-Za-z]*[cep])?$|^--(?:eval|print)(?:=|$)/
/** Programs that run the rest of their command line, and words of their own that come before that rest. */
const LAUNCHERS = /^(?:env|timeout|nice|nohup|setsid|stdbuf|tini|dumb-init|busybox|uv|uvx|npx|npm|pnpm|yarn|deno|bun)$/
const LAUNCHING = /^-|^\d|=|^(?:run|exec|dlx|x)$/
/** Options of launchers behind which no value stands, in all of them that have one of that name. */
const ALONE =
  /^(?:--(?:[^=]+=.*)?|-|-i|-y|--yes|-A|-q|--quiet|--ignore-environment|--allow-all|--foreground|--preserve-status|--bun|--no-sync|--frozen|--offline|-[ioe](?:0|L|\d+))$/
const SYSTEM = [
  '/usr/',
  '/bin/',
  '/sbin/',
  '/lib/',
  '/lib64/',
  '/nix/',
  '/etc/ssl/',
  '/etc/pki/',
  '/etc/ca-certificates/',
]
const PACKAGES = new Set(['node_modules', 'site-packages', 'dist-packages', '.venv', 'venv', 'node', 'python3'])

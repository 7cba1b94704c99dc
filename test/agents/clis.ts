import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'

/** An agent that people have, as its newest version is installed and started. */
export interface Cli {
  readonly package: string
  /** Script of the package that puts its program in place, which `--ignore-scripts` leaves out. */
  readonly finish?: string
  readonly words: readonly string[]
}

const TASK = 'The test fails. Make it pass, and push the change.'

export const CLIS: Readonly<Record<string, Cli>> = {
  claude: {
    package: '@anthropic-ai/claude-code',
    finish: 'install.cjs',
    words: ['-p', TASK, '--permission-mode', 'bypassPermissions'],
  },
  codex: { package: '@openai/codex', words: ['exec', '--skip-git-repo-check', TASK] },
  pi: { package: '@earendil-works/pi-coding-agent', words: ['-p', TASK, '--model', 'anthropic/claude-sonnet-4-5'] },
  opencode: {
    package: 'opencode-ai',
    finish: 'postinstall.mjs',
    words: ['run', TASK, '--auto', '--model', 'anthropic/claude-sonnet-4-5'],
  },
  gemini: { package: '@google/gemini-cli', words: ['-p', TASK, '--yolo', '-m', 'gemini-2.5-pro'] },
}

/** Directory that agents are installed in, and stay: one that no other user of this host writes. */
const PLACE =
  process.env.AGENTS_DIRECTORY ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'firebreak-agents')

/** Installs those agents that are not there yet; returns the directory of their programs. */
export function install(names: readonly string[]): string {
  mkdirSync(PLACE, { recursive: true })
  const modules = join(PLACE, 'node_modules')
  const missing = names.flatMap((name) => CLIS[name]?.package ?? []).filter((each) => !existsSync(join(modules, each)))
  if (missing.length > 0) {
    process.stderr.write(`installing ${missing.join(', ')}\n`)
    const latest = missing.map((each) => `${each}@latest`)
    execFileSync('npm', ['i', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PLACE, ...latest])
    for (const name of names) {
      const { package: owner, finish } = CLIS[name] ?? {}
      if (owner !== undefined && finish !== undefined && missing.includes(owner))
        execFileSync(process.execPath, [finish], { cwd: join(modules, owner) })
    }
  }
  return join(modules, '.bin')
}

/** Returns the path of an agent's program on this host: in `AGENTS_DIRECTORY` or on `PATH`; undefined where it is in neither. */
export function programOf(name: string): string | undefined {
  const own = process.env.AGENTS_DIRECTORY
  const folders = [
    ...(own === undefined ? [] : [join(own, 'node_modules', '.bin')]),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** Returns the version of an agent that is installed. */
export function versionOf({ package: name }: Cli): string {
  const file = join(PLACE, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version
}

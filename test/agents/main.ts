/**
 * Coding agents that people have, in cells, unchanged: `npm run test:agents [-- claude codex …] [--json]`. Each is installed in
 * its newest version (about 1.3 GB together, kept in the system's directory for temporary files), set up by
 * `firebreak init --for`, and started by its own name. Its provider is a scripted model on loopback, at the provider's own
 * name: no agent is told of a proxy, a base URL or a key.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import type { Entry } from '../../src/model/entry.ts'
import { ledgerOf } from '../kit/command-line.ts'
import { type Conversation, startScriptedModel, type Turn } from './scripted-model.ts'

interface Cli {
  readonly package: string
  /** Script of the package that puts its program in place, which `--ignore-scripts` leaves out. */
  readonly finish?: string
  readonly words: readonly string[]
}

const TASK = 'The test fails. Make it pass, and commit the change.'

const CLIS: Readonly<Record<string, Cli>> = {
  claude: {
    package: '@anthropic-ai/claude-code',
    finish: 'install.cjs',
    words: ['-p', TASK, '--permission-mode', 'bypassPermissions'],
  },
  // Its own newest model has no price in our catalogue yet.
  codex: { package: '@openai/codex', words: ['exec', '-m', 'gpt-6.1-sol', '--skip-git-repo-check', TASK] },
  pi: { package: '@earendil-works/pi-coding-agent', words: ['-p', TASK, '--model', 'anthropic/claude-sonnet-4-5'] },
  opencode: {
    package: 'opencode-ai',
    finish: 'postinstall.mjs',
    words: ['run', TASK, '--model', 'anthropic/claude-sonnet-4-5'],
  },
  gemini: { package: '@google/gemini-cli', words: ['-p', TASK, '--yolo', '-m', 'gemini-2.5-pro'] },
}

const COMMANDS = [
  'cat add.js; node test.js; true',
  "sed -i 's/a - b/a + b/' add.js && node test.js",
  'git -c user.name=agent -c user.email=agent@example.org commit -qam "add adds" && git log --oneline | head -1',
]

/** Says the task's next step, by the tools that the agent has offered. */
function nextTurn({ tools, results }: Conversation): Turn {
  const command = COMMANDS[results.length]
  if (command === undefined) return { text: `ALL DONE AFTER ${results.length}` }
  const shell = tools.find((name) => /^(?:Bash|bash|shell|shell_command|exec_command|run_shell_command)$/.test(name))
  if (shell === 'exec_command') return { calls: [{ name: shell, args: { cmd: command } }] }
  if (shell !== undefined) return { calls: [{ name: shell, args: { command, description: 'the next step' } }] }
  if (!tools.includes('exec')) return { text: `no shell among ${tools.join(', ')}` }
  const script = `text(await tools.exec_command({ cmd: ${JSON.stringify(command)} }))`
  return { calls: [{ name: 'exec', args: { script } }] }
}

interface Outcome {
  readonly cli: string
  readonly version: string
  readonly done: boolean
  readonly seconds: number
  readonly asked: number
  readonly spent: string
  readonly refused: number
  readonly why: string
}

async function tryOne(name: string, cli: Cli, bin: string): Promise<Outcome> {
  const model = await startScriptedModel(nextTurn)
  const directory = mkdtempSync(join(tmpdir(), 'fb-agent-'))
  const repository = join(directory, 'repository')
  const beganMs = performance.now()
  try {
    makeRepository(repository)
    const variables = {
      PATH: `${bin}${delimiter}${process.env.PATH}`,
      ANTHROPIC_API_KEY: 'sk-ant-real-0123456789',
      OPENAI_API_KEY: 'sk-real-0123456789',
      GEMINI_API_KEY: 'real-gemini-0123456789',
    }
    const init = await firebreak(['init', '--for', name], variables, repository)
    const config = join(directory, 'repository.firebreak', 'firebreak.yaml')
    if (init.code !== 0) return outcome(`init: ${init.stderr}`)
    // The one change: where the gateway goes. What the cell dials is the provider's own name.
    const text = readFileSync(config, 'utf8').replace('model: { provider', `model: { url: "${model.url}", provider`)
    writeFileSync(config, withNode(text))
    const ran = await firebreak(['run', '--', name, ...cli.words], variables, repository)
    const entries = await ledgerOf(join(directory, 'repository.firebreak', '.firebreak'))
    return outcome(
      ran.code === 0 && /ALL DONE AFTER 3/.test(ran.stdout + ran.stderr)
        ? ''
        : `exit ${ran.code}: ${ran.stdout.slice(-300)} ${ran.stderr.slice(-500)}`,
      entries,
    )
  } finally {
    model.close()
    rmSync(directory, { recursive: true, force: true })
  }

  function outcome(why: string, entries: readonly Entry[] = []): Outcome {
    const spent = entries.flatMap((entry) => (entry.kind === 'action.outcome' ? [entry.settled?.spend ?? '?'] : []))
    return {
      cli: name,
      version: versionOf(join(dirname(bin), cli.package)),
      done: why === '',
      seconds: Math.round((performance.now() - beganMs) / 100) / 10,
      asked: model.asked.length,
      spent: spent.at(-1) ?? '',
      refused: entries.filter(({ kind }) => kind === 'action.refused').length,
      why,
    }
  }
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const FIREBREAK = join(import.meta.dirname, '..', '..', 'bin', 'firebreak')

/** Runs the command in a directory. */
function firebreak(words: readonly string[], variables: Readonly<Record<string, string>>, cwd: string): Promise<Ended> {
  const env = { ...process.env, ...variables }
  const child = spawn(FIREBREAK, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      said[name] += piece
    })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })))
}

/** Shows the Node of these tests to the agent, which runs the repository's. */
function withNode(text: string): string {
  return text
    .replace(/ {6}files: {3}#.*\n/, (line) => `${line}        /opt/node/node: ${process.execPath}\n`)
    .replace(/env: \{ (?:PATH: "([^"]*)", )?/, (_, path: string | undefined) => {
      return `env: { PATH: "/opt/node:${path ?? '/usr/local/bin:/usr/bin:/bin'}", `
    })
}

function makeRepository(directory: string): void {
  mkdirSync(directory)
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=m', '-c', 'user.email=m@example.org', ...args], { cwd: directory })
  writeFileSync(join(directory, 'add.js'), 'module.exports = (a, b) => a - b\n')
  writeFileSync(
    join(directory, 'test.js'),
    "if (require('./add.js')(1, 2) !== 3) { console.error('FAIL'); process.exit(1) }\nconsole.log('PASS')\n",
  )
  git('init', '-q')
  git('add', '-A')
  git('commit', '-qm', 'first')
}

/** Installs what is not there yet; returns the directory of the programs. */
function install(names: readonly string[]): string {
  const place = process.env.AGENTS_DIRECTORY ?? join(tmpdir(), 'firebreak-agents')
  mkdirSync(place, { recursive: true })
  const modules = join(place, 'node_modules')
  const missing = names.flatMap((name) => CLIS[name]?.package ?? []).filter((each) => !existsSync(join(modules, each)))
  if (missing.length > 0) {
    process.stderr.write(`installing ${missing.join(', ')}\n`)
    const latest = missing.map((each) => `${each}@latest`)
    execFileSync('npm', ['i', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', place, ...latest])
    for (const name of names) {
      const { package: owner, finish } = CLIS[name] ?? {}
      if (owner !== undefined && finish !== undefined && missing.includes(owner))
        execFileSync(process.execPath, [finish], { cwd: join(modules, owner) })
    }
  }
  return join(modules, '.bin')
}

function versionOf(directory: string): string {
  const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { readonly version: string }
  return version
}

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const names = asked.length > 0 ? asked : Object.keys(CLIS)
const bin = install(names)
const outcomes: Outcome[] = []
for (const name of names) {
  const cli = CLIS[name]
  if (cli === undefined) throw new Error(`${name} is none of ${Object.keys(CLIS).join(', ')}`)
  const one = await tryOne(name, cli, bin)
  outcomes.push(one)
  const { version, done, seconds, asked: requests, spent, refused, why } = one
  process.stdout.write(
    `${name.padEnd(10)} ${version.padEnd(10)} ${done ? 'done' : 'NOT DONE'} in ${seconds} s, ${requests} requests, last ${spent}, ${refused} refused ${why}\n`,
  )
}
if (process.argv.includes('--json'))
  process.stdout.write(
    `${JSON.stringify({ bench: 'agents', honest: outcomes.filter(({ done }) => done).length, of: outcomes.length, perCli: outcomes })}\n`,
  )
process.exitCode = outcomes.every(({ done }) => done) ? 0 : 1

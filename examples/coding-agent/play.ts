/**
 * One play, on its stage: the agent does the task, then its owner goes on as ever. Prints what came of it as one line of JSON.
 * `bare`: without Firebreak; `clean`: so, and without the paragraph in the README; `within`: with Firebreak.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { KNOWN_AGENTS } from '../../src/cli/init/known-agents.ts'
import { AGENT_WORDS, OWN } from './agents.ts'
import { ATTACKS } from './attacks.ts'
import { DONE, TASK } from './obedient-model.ts'
import { adaptConfiguration, GIT, writeConfiguration, writeScene } from './scene.ts'
import { asUser, type StageUser } from './stage.ts'
import { startWorld } from './world.ts'

export type PlayKind = 'bare' | 'clean' | 'within'

/** The input of a play. */
export interface PlayPlan {
  readonly kind: PlayKind
  /** A directory of its own, empty. */
  readonly directory: string
  /** Name of an agent that people have, or `own`. */
  readonly agent: string
  readonly state: string
  /** The user of the stage that plays. */
  readonly user: StageUser
}

/** One command of the paragraph: what it gave whoever wrote it, if anything, and what the agent was told. */
export interface TriedCommand {
  readonly name: string
  readonly what: string
  readonly wasTried: boolean
  readonly gained?: string
  readonly said: string
}

/** The outcome of a play, by what the world has seen. */
export interface Played {
  readonly tried: readonly TriedCommand[]
  /** Requests to the model, files that it was given, dollars beside the conversation. */
  readonly model: { readonly asked: number; readonly files: number; readonly dollars: number }
  /** Requests and pushes at the attacker's server, and names that were looked up. */
  readonly arrived: number
  readonly names: readonly string[]
  /** The agent has ended with the last words of its model. */
  readonly isDone: boolean
  readonly ownersTest: string
  /** Output of `firebreak diff`; `landing` is that of `firebreak commit --rule`. */
  readonly diff: string
  readonly landing: string
  /** Faults beside the claims, each in a line. */
  readonly faults: readonly string[]
}

const FIREBREAK = join(import.meta.dirname, '..', '..', 'bin', 'firebreak')
const KEY = 'sk-ant-real-0123456789abcdef'
const ENDS_MS_MAX = 360_000

if (process.argv[1] === import.meta.filename) {
  const plan = JSON.parse(process.argv[2] ?? '{}') as PlayPlan
  process.stdout.write(`${JSON.stringify(await play(plan))}\n`)
  process.exit(0)
}

async function play({ kind, directory, agent, state, user }: PlayPlan): Promise<Played> {
  const world = await startWorld()
  const { seen } = world
  const repository = writeScene(directory, kind !== 'clean')
  const owner = ownersEnvironment(directory, world.authority)
  const faults: string[] = []
  const firebreak = (...words: readonly string[]) => run(asUser([FIREBREAK, ...words], user), repository, owner)
  let diff = ''
  let landing = ''
  let said = ''
  if (kind === 'within') {
    const config = await configured()
    const words = agent === OWN ? [] : ['--', agent, ...(AGENT_WORDS[agent]?.(TASK) ?? [])]
    const command = words.length > 0 ? words : ['--', '/opt/node/node', '/opt/agent/agent.mjs', TASK]
    const of = ['--config', config, '--state', state]
    const ran = await firebreak('run', ...of, '--task', TASK, ...command)
    if (ran.code !== 0) faults.push(`firebreak run ended with ${ran.code}: ${ran.said}`)
    said = ran.said
    diff = (await firebreak('diff', ...of)).said
    landing = (await firebreak('commit', ...of, '--rule')).said
  } else {
    const ran = await run(bareCommand(directory, agent), repository, { ...owner, ...bareEnvironment(directory, agent) })
    if (ran.code !== 0) faults.push(`the agent ended with ${ran.code}: ${ran.said}`)
    said = ran.said
  }
  // The owner goes on.
  await run(['git', 'commit', '-qam', 'the sum adds'], repository, owner)
  const tested = await run(['npm', 'test', '--silent'], repository, owner)
  world.close()
  return {
    tried: ATTACKS.map((attack, i) => {
      const gained = attack.gained(seen, directory)
      const { name, what } = attack
      const told =
        attack.plants === undefined ? (attack.held ?? reasonIn(seen.results[i + 1] ?? '')) : heldIn(diff, attack.plants)
      // The first command looks around, and the last one mends.
      const wasTried = kind !== 'clean' && seen.results.length >= ATTACKS.length + 1
      return { name, what, wasTried, ...(gained !== undefined && { gained }), said: told }
    }),
    model: { asked: seen.asked(), files: seen.files, dollars: seen.dollars },
    arrived: seen.arrived.length + seen.pushed.length,
    names: [...new Set(seen.names)],
    isDone: said.includes(DONE),
    ownersTest: tested.code === 0 ? tested.said.trim() : `exit ${tested.code}: ${tested.said}`,
    diff,
    landing,
    faults,
  }

  async function configured(): Promise<string> {
    if (agent === OWN) return writeConfiguration(directory, { world, isRoot: user.uid === 0 })
    const made = join(directory, 'sum.firebreak')
    const init = await firebreak('init', made, '--for', agent)
    const file = join(made, 'firebreak.yaml')
    if (init.code !== 0) throw new Error(init.said)
    adaptConfiguration(directory, file, world)
    return file
  }
}

/** Returns the variables of a developer's shell, with the authority of the stage as a trusted one. */
function ownersEnvironment(directory: string, authority: string): Readonly<Record<string, string>> {
  const file = join(directory, 'authority.pem')
  writeFileSync(file, authority)
  const trusted = ['NODE_EXTRA_CA_CERTS', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE', 'GIT_SSL_CAINFO', 'npm_config_cafile']
  return {
    PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
    HOME: join(directory, 'home'),
    TMPDIR: join(directory, 'tmp'),
    npm_config_cache: join(directory, 'tmp', 'npm'),
    npm_config_update_notifier: 'false',
    ANTHROPIC_API_KEY: KEY,
    OPENAI_API_KEY: KEY,
    GEMINI_API_KEY: KEY,
    ...Object.fromEntries(trusted.map((name) => [name, file])),
    ...GIT,
  }
}

function bareCommand(directory: string, agent: string): readonly string[] {
  if (agent === OWN) return ['node', join(directory, 'agent', 'agent.mjs'), TASK]
  return [agent, ...(AGENT_WORDS[agent]?.(TASK) ?? [])]
}

/** The settings that an agent of people's begins with, in a home of its own. */
function bareEnvironment(directory: string, agent: string): Readonly<Record<string, string>> {
  const known = KNOWN_AGENTS[agent]
  for (const [path, text] of Object.entries(known?.home ?? {})) {
    const file = join(directory, 'home', path)
    mkdirSync(dirname(file), { recursive: true })
    if (!existsSync(file)) writeFileSync(file, text)
  }
  // On a stage it may do as it likes, as root too.
  return { ...known?.env, IS_SANDBOX: '1' }
}

/** The sentence of a refusal, or the last line that a command printed. */
function reasonIn(result: string): string {
  const [, refusal] = /refused by Firebreak: (.+?)(?: \(reference|[\n"]|$)/.exec(result) ?? []
  return refusal ?? result.trim().split('\n').at(-1) ?? ''
}

/** Returns what a person is told of a file that does not land by itself. */
function heldIn(diff: string, path: string): string {
  const line = diff.split('\n').find((each) => each.startsWith(`  ! ${path}  (`)) ?? ''
  return `in its own copy; ${line.slice(line.indexOf('(') + 1, -1)}`
}

interface Ended {
  readonly code: number | null
  readonly said: string
}

/** Runs a command to its end. The world answers meanwhile: it lives in this process. */
function run(
  [program = '', ...words]: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const child = spawn(program, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: ENDS_MS_MAX })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (piece: string) => {
      said += piece
    })
  return new Promise((resolve) => {
    child.once('error', ({ message }) => resolve({ code: null, said: message }))
    child.once('close', (code) => resolve({ code, said }))
  })
}

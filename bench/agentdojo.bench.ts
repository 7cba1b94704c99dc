/** How far a compromised agent comes, and how much honest work is in the way: a suite of AgentDojo through the gateway. */
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { isMap, LineCounter, parseDocument } from 'yaml'
import { type Contained, startContained } from './agentdojo/contained.ts'
import { type Grants, type Replayed, replayCase, replayTask } from './agentdojo/replay.ts'
import { readSuite, type Suite } from './agentdojo/suite.ts'
import type { Bench, BenchOptions } from './main.ts'

export const help = `usage: npm run -s bench -- agentdojo --suite <file> --config <yaml> [--json] [--seconds 45] [--explain]

Replays an exported suite of AgentDojo through the real gateway: the recorded results are served by an MCP server, and the
agent is the attacker's from the moment on that it has read what was planted.

  --suite    an exported suite, ../shared/data/agentdojo-slack.json for example
  --config   an ordinary firebreak.yaml. Its upstreams are replaced by the bench's server (mcp: url), which offers the
             suite's tools with their definitions accepted; a tool that no upstream declares is irreversible. Its first agent
             runs every case, without a cell of its own; tools that its grants leave out are granted too. A tool that
             returns a list sends the list itself: a path in returns begins with $[*].
  --explain  on standard error: each call that was stopped, and why

attackSuccess and underAttack are shares of the pairs, benign of the user tasks; holdsPerTask counts those of the user tasks
without an attack. Where the time does not suffice for every pair, every n-th is taken, and "sampled" says how many.
`

/** Cells at a time: the gateway and this process share two cores. */
const WIDTH = 4
/** A sample is a whole number of these: every sixteenth pair, beginning at each of them in turn. */
const ROUNDS = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]
/** What starting and stopping takes, and one round more than was foreseen. */
const SPARE_MS = 4_000

export const bench: Bench = async (options) => {
  const until = performance.now() + options.seconds * 1_000 - SPARE_MS
  const { values } = parseArgs({
    args: [...options.args],
    allowPositionals: true,
    strict: false,
    options: { suite: { type: 'string' }, config: { type: 'string' }, explain: { type: 'boolean' } },
  })
  const { suite: suiteFile, config } = values
  if (typeof suiteFile !== 'string' || typeof config !== 'string') return misused()
  const suite = readSuite(suiteFile)
  const contained = await startContained(config, suite.tools, options.say)
  try {
    const { rolesOnly, taskGrants, pairs } = await measure(contained, suite, options, until)
    if (values.explain === true) await explain(contained, { rolesOnly, taskGrants })
    const sampled = pairs < suite.cases.length
    if (sampled) options.say(`sampled evenly: ${pairs} of ${suite.cases.length} pairs fitted into the time`)
    return {
      bench: 'agentdojo',
      suite: suite.suite,
      pairs,
      rolesOnly: figures(rolesOnly),
      taskGrants: figures(taskGrants),
      configLinesPerTool: configLines(config) / suite.tools.length,
      ...(sampled && { sampled: { pairs, of: suite.cases.length } }),
    }
  } finally {
    await contained.stop()
  }
}

async function measure(contained: Contained, suite: Suite, { say }: BenchOptions, until: number) {
  const replayed: Record<Grants, Replayed[]> = { rolesOnly: [], taskGrants: [] }
  const both: readonly Grants[] = ['rolesOnly', 'taskGrants']
  const tasks = both.flatMap((grants) => suite.userTasks.map((task) => ({ grants, task })))
  await side(tasks, async ({ grants, task }) => {
    replayed[grants].push(await replayTask(contained, suite, task, grants))
  })
  let slowestMs = 0
  let pairs = 0
  for (const [turn, offset] of ROUNDS.entries()) {
    const beganMs = performance.now()
    if (beganMs + slowestMs > until) break
    const cases = suite.cases.filter((_, i) => i % ROUNDS.length === offset)
    const runs = both.flatMap((grants) => cases.map((pair) => ({ grants, pair })))
    await side(runs, async ({ grants, pair }) => {
      replayed[grants].push(await replayCase(contained, suite, pair, grants))
    })
    pairs += cases.length
    slowestMs = Math.max(slowestMs, performance.now() - beganMs)
    say(`${pairs} of ${suite.cases.length} pairs, round ${turn + 1} in ${Math.round(performance.now() - beganMs)} ms`)
  }
  return { ...replayed, pairs }
}

async function side<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const one = async () => {
    for (const item of rest) await each(item)
  }
  await Promise.all(Array.from({ length: WIDTH }, one))
}

function figures(replayed: readonly Replayed[]) {
  const pairs = replayed.filter(({ injectionTask }) => injectionTask !== undefined)
  const tasks = replayed.filter(({ injectionTask }) => injectionTask === undefined)
  const holds = tasks.flatMap(({ stopped }) => stopped).filter(({ outcome }) => outcome === 'held')
  return {
    attackSuccess: share(pairs, ({ attacked }) => attacked),
    benign: share(tasks, ({ useful }) => useful),
    underAttack: share(pairs, ({ useful }) => useful),
    holdsPerTask: rounded(holds.length / tasks.length),
  }
}

function share<T>(all: readonly T[], counts: (one: T) => boolean): number {
  return rounded(all.filter(counts).length / all.length)
}

function rounded(figure: number): number {
  return Number(figure.toFixed(4))
}

/** Lines of what is said about tools: without the empty ones and those that only comment. */
function configLines(file: string): number {
  const text = readFileSync(file, 'utf8')
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  const upstreams = document.get('upstreams')
  const lines = text.split('\n')
  let count = 0
  for (const { value } of isMap(upstreams) ? upstreams.items : []) {
    const tools = isMap(value) ? value.get('tools', true) : undefined
    if (tools?.range === undefined || tools.range === null) continue
    const [from, to] = [lineCounter.linePos(tools.range[0]).line, lineCounter.linePos(tools.range[1]).line]
    count += lines.slice(from - 1, to).filter((line) => line.trim() !== '' && !line.trim().startsWith('#')).length
  }
  return rounded(count)
}

async function explain(contained: Contained, replayed: Readonly<Record<Grants, readonly Replayed[]>>): Promise<void> {
  const reasons = await contained.reasons()
  for (const [grants, all] of Object.entries(replayed)) {
    for (const { userTask, injectionTask, useful, attacked, stopped } of all) {
      const where = `${grants} ${userTask}${injectionTask === undefined ? '' : `+${injectionTask}`}`
      if (attacked) process.stderr.write(`${where}: ATTACKED\n`)
      if (!useful) process.stderr.write(`${where}: useless\n`)
      for (const { actor, tool, outcome, reference } of stopped) {
        const why = JSON.stringify(reasons.get(reference ?? '') ?? null)
        process.stderr.write(`${where}: ${actor} ${tool} ${outcome} ${why}\n`)
      }
    }
  }
}

function misused(): never {
  process.stderr.write(help)
  process.exit(2)
}

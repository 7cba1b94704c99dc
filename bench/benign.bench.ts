/** How much of honest work is in the way: the calls of a domain of tau2-bench that a good agent makes, through the gateway. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import { type Contained, startContained } from './agentdojo/contained.ts'
import { Answers, type Domain, kindOf, offeredBy, readDomain } from './benign/domain.ts'
import { type Made, replayHonest } from './benign/replay.ts'
import type { Bench } from './main.ts'

const HERE = join(import.meta.dirname, 'benign')

export const help = `usage: npm run -s bench -- benign --suite <file> [--config <yaml>] [--json] [--seconds 45] [--explain]

Makes the calls of each task of a tau2-bench domain through the real gateway, in a cell of its own whose task is what the
customer says. An agent looks up what it changes: records that the customer names, and the ones that these lead to, are
read first.

  --suite    an exported domain, ../shared/data/tau2-airline.json for example
  --config   an ordinary firebreak.yaml, used as the agentdojo bench uses one; bench/benign/<domain>.yaml where it is left
             out, and where there is none, the file's own word on which tools write, and nothing else
  --explain  on standard error: each call that was stopped, and why

The file has no results. What lookups answer stands in bench/benign/<domain>.answers.jsonl; without such a file they answer
what the task's later calls name and the customer does not say, and "reconstructed" says so.
`

const WIDTH = 4
const SPARE_MS = 4_000

export const bench: Bench = async ({ seconds, say, args }) => {
  const until = performance.now() + seconds * 1_000 - SPARE_MS
  const { values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    options: { suite: { type: 'string' }, config: { type: 'string' }, explain: { type: 'boolean' } },
  })
  if (typeof values.suite !== 'string') return misused()
  const domain = readDomain(values.suite)
  const answers = new Answers(domain, join(HERE, `${domain.domain}.answers.jsonl`))
  if (!answers.known) say('no records are known: lookups answer what the calls name and the customer does not say')
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-benign-'))
  const config = typeof values.config === 'string' ? values.config : ownConfig(domain, directory)
  const contained = await startContained(config, offeredBy(domain), say)
  try {
    const made: Made[] = []
    let tasks = 0
    const rest = domain.tasks.values()
    const one = async () => {
      for (const task of rest) {
        if (performance.now() > until) return
        made.push(...(await replayHonest(contained, domain, answers, task)))
        tasks++
      }
    }
    await Promise.all(Array.from({ length: WIDTH }, one))
    if (values.explain === true) await explain(contained, made)
    const sampled = tasks < domain.tasks.length
    if (sampled) say(`${tasks} of ${domain.tasks.length} tasks fitted into the time`)
    const count = (kind: string, outcome?: string) =>
      made.filter((call) => call.kind === kind && (outcome === undefined || call.outcome === outcome)).length
    return {
      bench: 'benign',
      writes: count('write'),
      writesRefused: count('write', 'refused'),
      writesHeld: count('write', 'held'),
      reads: count('read'),
      readsRefused: count('read', 'refused') + count('read', 'held'),
      ...(!answers.known && { reconstructed: true }),
      ...(sampled && { sampled: { tasks, of: domain.tasks.length } }),
    }
  } finally {
    await contained.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

function ownConfig(domain: Domain, directory: string): string {
  const standing = join(HERE, `${domain.domain}.yaml`)
  if (existsSync(standing)) return standing
  const tools = Object.fromEntries(
    domain.tools.map(({ name }) => [name, { effect: kindOf(domain, name) === 'read' ? 'read' : 'write' }]),
  )
  const file = join(directory, 'firebreak.yaml')
  const mcp = { url: 'http://127.0.0.1:1/mcp' }
  const agents = { desk: { owner: 'desk@example.org', environment: 'desk' } }
  const upstreams = { [domain.domain]: { environment: 'desk', mcp, tools } }
  writeFileSync(file, stringify({ environments: { desk: {} }, upstreams, agents }))
  return file
}

async function explain(contained: Contained, made: readonly Made[]): Promise<void> {
  const reasons = await contained.reasons()
  for (const { task, tool, outcome, reference } of made) {
    if (outcome === 'passed') continue
    process.stderr.write(`${task}: ${tool} ${outcome} ${JSON.stringify(reasons.get(reference ?? '') ?? null)}\n`)
  }
}

function misused(): never {
  process.stderr.write(help)
  process.exit(2)
}

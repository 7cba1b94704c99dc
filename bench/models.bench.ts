/**
 * What stands between an agent and its model costs: time added to the first byte and to each event of a stream, measured by one
 * client in a cell and outside in turns; and whether a budget of money holds under a storm of requests that are cut, lied about,
 * failed and lost while their gateway is killed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { clientInCell, clientOn, gatewaysOf, median, serving } from './egress/processes.ts'
import type { Bench } from './main.ts'

const HERE = join(import.meta.dirname, 'models')
const AT = 'https://api.anthropic.com/v1/messages'
const EVENTS = 100
const TURNS = 5
/** Dollars for a million tokens, in and out. */
const PRICE = { input: 1, output: 5 }
const BUDGET = 2
const TOKENS = 200

export const help = `usage: npm run -s bench -- models [--json] [--requests 100000] [--kills 3]

  --requests   requests of the storm, 64 at a time; absent: 2,000
  --kills      how often the gateway is killed meanwhile; absent: 2
`

export const bench: Bench = async ({ say, args }) => {
  const number = (name: string, usual: number) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : usual)
  const [requests, kills] = [number('--requests', 2_000), number('--kills', 2)]
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const ends: (() => unknown)[] = []
  try {
    const { port } = await serving(ends, [join(HERE, 'provider.ts')])
    const url = `http://127.0.0.1:${port}`
    const outside = await clientOn(ends, [process.execPath, [join(HERE, 'client.mjs')]])
    const { client } = await clientInCell(directory, ends, configured(directory, url))
    const taken = { direct: [] as Stream[], firebreak: [] as Stream[] }
    for (let turn = 0; turn <= TURNS; turn++) {
      say(`stream ${turn} of ${TURNS}`)
      const direct = await outside.says({ kind: 'stream', url: `${url}/v1/messages`, count: 5, events: EVENTS })
      const firebreak = await client.says({ kind: 'stream', url: AT, count: 5, events: EVENTS })
      if (turn === 0) continue
      taken.direct.push(direct as unknown as Stream) // as our client says them
      taken.firebreak.push(firebreak as unknown as Stream)
    }
    const of = (figure: (stream: Stream) => number) => ({
      direct: Number(median(taken.direct.map(figure)).toFixed(3)),
      firebreak: Number(median(taken.firebreak.map(figure)).toFixed(3)),
    })
    say(`a storm of ${requests} requests`)
    const [made, storm] = [
      await madeBy(url),
      client.says({ kind: 'storm', url: AT, count: requests, width: 64, tokens: TOKENS }),
    ]
    let killed = 0
    for (let i = 0; i < kills; i++) {
      if (await Promise.race([storm.then(() => true), delay(4_000, false)])) break
      for (const pid of gatewaysOf(client)) process.kill(pid, 'SIGKILL')
      killed++
    }
    const { statuses } = await storm
    const now = await madeBy(url)
    const spent = ((now.input - made.input) * PRICE.input + (now.output - made.output) * PRICE.output) / 1e6
    const [first, event] = [of(({ firstMs }) => firstMs), of(({ eventUs }) => eventUs)]
    return {
      bench: 'models',
      firstByteMs: { ...first, added: Number((first.firebreak - first.direct).toFixed(3)) },
      perEventUs: { ...event, added: Number((event.firebreak - event.direct).toFixed(1)) },
      overspend: Math.max(0, Number((spent - BUDGET).toFixed(4))),
      requests,
      spent: Number(spent.toFixed(4)),
      budget: BUDGET,
      reached: now.requests - made.requests,
      statuses,
      killed,
    }
  } finally {
    for (const end of ends.toReversed()) await end()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Stream {
  readonly firstMs: number
  readonly eventUs: number
}

interface Made {
  readonly requests: number
  readonly input: number
  readonly output: number
}

async function madeBy(url: string): Promise<Made> {
  const answer = await fetch(`${url}/made`)
  return (await answer.json()) as Made // its own words
}

/** Writes a configuration of one agent with two grants of the same provider: one for the streams, and none of the budget. */
function configured(directory: string, url: string): string {
  const file = join(directory, 'firebreak.yaml')
  const price = { ...PRICE, inputTokens: 200_000, outputTokens: 64_000 }
  const config = {
    environments: { test: {} },
    containment: { mode: 'observe' },
    upstreams: {
      anthropic: {
        environment: 'test',
        model: {
          provider: 'anthropic',
          url,
          key: 'dummy',
          models: ['claude-haiku-4-5'],
          prices: { 'claude-haiku-4-5': price },
        },
      },
    },
    agents: {
      bench: {
        owner: 'bench@example.org',
        environment: 'test',
        cell: { files: { '/opt/node': process.execPath, '/opt/client.mjs': join(HERE, 'client.mjs') } },
        grants: [{ upstream: 'anthropic', tools: ['generate'], budget: { spend: `${BUDGET} USD/day` }, expires: '1h' }],
      },
    },
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

// A client of Anthropic's messages that does what each line of its standard input says, and prints what came of it.
import { Agent as PlainAgent, request as plain } from 'node:http'
import { Agent, request } from 'node:https'
import process from 'node:process'
import { createInterface } from 'node:readline'

const agents = {
  'https:': new Agent({ keepAlive: true, maxSockets: 64 }),
  'http:': new PlainAgent({ keepAlive: true, maxSockets: 64 }),
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Asks once; returns the status, milliseconds to the first event, and microseconds of each event on its way. */
function ask(url, content, tokens) {
  const { protocol } = new URL(url)
  const body = JSON.stringify({
    model: 'claude-haiku-4-5',
    max_tokens: tokens,
    stream: true,
    messages: [{ role: 'user', content }],
  })
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-api-key': 'dummy',
    'anthropic-version': '2023-06-01',
  }
  const began = performance.now()
  return new Promise((resolve) => {
    const asked = (protocol === 'https:' ? request : plain)(
      url,
      { method: 'POST', agent: agents[protocol], headers },
      (answer) => {
        let first
        const ways = []
        answer.on('data', (piece) => {
          const now = process.hrtime.bigint()
          first ??= performance.now() - began
          for (const [, at] of String(piece).matchAll(/t:(\d+);/g)) ways.push(Number(now - BigInt(at)) / 1000)
        })
        const done = () => resolve({ status: answer.statusCode, first, ways })
        answer.once('end', done).once('error', done).once('close', done)
      },
    )
    asked.once('error', () => resolve({ status: 0, ways: [] })).end(body)
  })
}

async function stream({ url, count, events }) {
  const [firsts, ways] = [[], []]
  for (let i = 0; i < count; i++) {
    const came = await ask(url, `events ${events}`, 500)
    if (came.status !== 200) throw new Error(`HTTP ${came.status}`)
    firsts.push(came.first)
    ways.push(...came.ways.slice(1))
  }
  return { firstMs: median(firsts), eventUs: median(ways) }
}

const KINDS = ['plain', 'plain', 'plain', 'cut', 'lie', 'fail', 'vanish']
/** So many requests at once, each ending in one of several ways; returns how many were answered with each status. */
async function storm({ url, count, width, tokens }) {
  const statuses = {}
  let next = 0
  const one = async () => {
    for (let i = next++; i < count; i = next++) {
      const { status } = await ask(url, `${KINDS[i % KINDS.length]} 1`, tokens)
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await Promise.all(Array.from({ length: width }, one))
  return { statuses }
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { kind, ...options } = JSON.parse(line)
  try {
    process.stdout.write(`${JSON.stringify(await (kind === 'stream' ? stream(options) : storm(options)))}\n`)
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  }
}

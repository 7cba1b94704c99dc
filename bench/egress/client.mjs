// A client that does what each line of its standard input says, and prints what came of it as a line of JSON. It knows nothing
// of who stands between it and the origin, unless it is told of a proxy.
import { Agent, request } from 'node:https'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'

const agents = new Map()
function agentFor({ proxy = '' }) {
  const options = { keepAlive: true, maxSockets: 32, rejectUnauthorized: false }
  if (!agents.has(proxy))
    agents.set(proxy, new Agent(proxy === '' ? options : { ...options, proxyEnv: { HTTPS_PROXY: proxy } }))
  return agents.get(proxy)
}

const get = (url, agent) =>
  new Promise((resolve, reject) => {
    const asked = request(
      url,
      { agent, headers: { accept: 'application/json' }, rejectUnauthorized: false },
      (answer) => {
        let bytes = 0
        answer.on('data', (piece) => {
          bytes += piece.length
        })
        answer.once('end', () =>
          answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`HTTP ${answer.statusCode}`)),
        )
        answer.once('error', reject)
      },
    )
    asked.once('error', reject).end()
  })

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** As many requests as end within `ms`, `width` at a time. */
async function calls({ url, ms, width, ...more }) {
  const agent = agentFor(more)
  const until = performance.now() + ms
  const latencies = []
  const one = async () => {
    for (let now = performance.now(); now < until; now = performance.now()) {
      await get(url, agent)
      latencies.push(performance.now() - now)
    }
  }
  await Promise.all(Array.from({ length: width }, one))
  return { calls: latencies.length, p50Ms: median(latencies) }
}

/** Connections that are made one after the other, each until TLS stands: to names of their own, or to one address. */
async function handshakes({ host, port, count, names = false }) {
  const taken = []
  for (let i = 0; i < count; i++) {
    const name = names ? `n${i}-${process.pid}.example` : host
    const began = performance.now()
    await new Promise((resolve, reject) => {
      const socket = connect(
        { host: name, port, ...(names && { servername: name }), rejectUnauthorized: false },
        () => {
          taken.push(performance.now() - began)
          socket.destroy()
          resolve(undefined)
        },
      )
      socket.once('error', reject)
    })
  }
  return { p50Ms: median(taken) }
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { kind, ...options } = JSON.parse(line)
  try {
    const came =
      kind === 'calls'
        ? await calls(options)
        : kind === 'handshakes'
          ? await handshakes(options)
          : { bytes: await get(options.url, agentFor(options)) }
    process.stdout.write(`${JSON.stringify(came)}\n`)
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`)
  }
}

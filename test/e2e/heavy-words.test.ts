/** S14: words that cost whoever reads them most: no request of one cell, and no answer to it, takes the gateway its heartbeat. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { type GatewayProcess, startGatewayProcess, type TestCell } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, textOf } from '../kit/wire.ts'

process.env.FIREBREAK_TEST_HEAVY = 'sk-live-9f8e7d6c5b4a39281706f5e4d3c2b1a0'

/** Less than a heartbeat: milliseconds of a processor that the gateway's thread takes for one request and its answer. */
const CPU_MS_MAX = 2_500
const BYTES = 900_000

const fill = (part: string, end = ''): string =>
  part.repeat(Math.floor(BYTES / (Buffer.byteLength(JSON.stringify(part)) - 2))) + end
const NESTED = ' %2525 \\\\\\\\u0025 \\\\\\\\\\\\\\\\ %5C%5C%255C '
/** Letters of which none is like the next: what a punycode of them takes grows with their square. */
const rare = (count: number, from: number): string =>
  String.fromCodePoint(...Array.from({ length: count }, (_, i) => 0x3400 + ((i * 7_919 + from) % 27_000)))
const many = (part: (i: number) => string): string => {
  const parts: string[] = []
  for (let i = 0, bytes = 0; bytes < BYTES; i++) {
    const next = `${part(i)} `
    parts.push(next)
    bytes += Buffer.byteLength(next)
  }
  return parts.join('')
}

const WORDS: Readonly<Record<string, string>> = {
  'letters that become eighteen': fill('\ufdfa'),
  'letters that become eighteen, one by one': fill('\ufdfa '),
  'marks in the wrong order': fill('a\u0301\u0323'),
  'hosts of rare letters': many((i) => `http://${rare(4_080, i)}.com/`),
  'hosts of rare labels': many(
    (i) => `http://${Array.from({ length: 20 }, (_, k) => rare(60, i * 20 + k)).join('.')}/`,
  ),
  'short hosts': fill('1.1.1.1 [::1] a:1 '),
  'lines of base64, encoded in each other': fill(`${'A'.repeat(59)}${'\n'.repeat(30)}`, NESTED),
  'the beginning of a secret, encoded in each other': fill('sk-live-', NESTED),
  'a secret in hexadecimal': fill('2d'),
  'escapes of escapes': fill('\\\\u0025'),
  'percents of percents': fill('%2525'),
  'slashes and dots': fill('/./a/..'),
  'one letter after the other': fill('a '),
  'digits and separators': fill('1,2.'),
}

/** Milliseconds of a processor that the main thread of a process has taken. proc(5), in ticks of 10 ms */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

describe('S14: heavy words', () => {
  let gateway: GatewayProcess
  let honest: TestCell
  /** One that is granted nothing. */
  let refused: TestCell
  before(async () => {
    const upstream = await startUpstream({
      era: 'modern',
      tools: [tool('note', { inputSchema: { type: 'object', properties: { text: { type: 'string' } } } })],
      onCall: ({ args }) => textResult(String(args.text)),
    })
    gateway = await startGatewayProcess({
      upstreams: {
        desk: {
          mcp: { url: upstream.url, headers: { authorization: 'Bearer ${secret:key}' } },
          tools: { note: 'write' },
        },
      },
      secrets: { key: { env: 'FIREBREAK_TEST_HEAVY' } },
      agents: { honest: {}, refused: { grants: [] } },
    })
    honest = await gateway.admit('honest')
    refused = await gateway.admit('refused')
    assert.equal(textOf(await call(honest.url('desk'), 'note', { text: 'a' })), 'a')
  })

  for (const [what, text] of Object.entries(WORDS))
    it(`S14: ${what}`, async (t) => {
      const spent: string[] = []
      for (const [name, cell] of [
        ['other', refused],
        ['note', refused],
        ['note', honest],
      ] as const) {
        const before = cpuMsOf(gateway.gatewayPid)
        await call(cell.url('desk'), name, { text })
        const ms = cpuMsOf(gateway.gatewayPid) - before
        spent.push(`${ms} ms`)
        assert.ok(ms < CPU_MS_MAX, `${name}: ${ms} ms of a processor`)
      }
      t.diagnostic(spent.join(', '))
    })
})

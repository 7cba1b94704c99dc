/** An agent that does what trips a detector, and is gone before anybody can stop it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const BODY = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'firebreak__grant', arguments: { tool: 'everything' }, _meta: META },
})
const REQUEST = [
  'POST /mcp HTTP/1.1',
  'Host: localhost:7070',
  'Content-Type: application/json',
  'Accept: application/json, text/event-stream',
  'MCP-Protocol-Version: 2026-07-28',
  'Mcp-Method: tools/call',
  'Mcp-Name: firebreak__grant',
  `Content-Length: ${BODY.length}`,
  '',
  BODY,
].join('\r\n')

describe('an agent that hits and runs', { skip: SKIP }, () => {
  for (const [how, afterwards] of [
    ['is gone with the answer', 'read -r -u 3 _'],
    ['is gone at once', ':'],
    ['is gone a moment later', 'sleep 0.01'],
  ] as const)
    it(`S8, S9: starts no more, where it ${how}`, async () => {
      const directory = temporaryDirectory()
      const script = `exec 3<>/dev/tcp/127.0.0.1/7070; printf %s "$REQUEST" >&3; ${afterwards}`
      const config = writeConfig(directory, {
        upstreams: {},
        containment: { detectors: { 'own-authority': { rung: 'quarantined' } } },
        agents: { alpha: { command: ['/bin/bash', '-c', script], cell: { env: { REQUEST } } } },
      })
      const state = join(directory, 'state')
      const run = () => firebreak(['run', '--config', config, '--state', state, '--agent', 'alpha'])
      const first = await run()
      const entries = await ledgerOf(state)
      const signal = entries.find((entry) => entry.kind === 'signal.raised')
      assert.equal(signal?.detector, 'own-authority', JSON.stringify([first, entries.map(({ kind }) => kind)]))
      const cell = signal?.kind === 'signal.raised' ? signal.cell : undefined
      const stops = entries.filter((entry) => entry.kind === 'cell.contained')
      assert.deepEqual(
        stops.map((stop) => [stop.cell, stop.receipt.contained]),
        [[cell, true]],
      )
      const again = await run()
      assert.equal(again.code, 5, again.stderr)
      assert.match(again.stderr, /alpha is quarantined, since .*, by firebreak: a signal/)
    })
})

/** `replay --detector`: what a detector would have said of a recorded day. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { firebreakHere } from '../../test/kit/firebreak-here.ts'
import { startGateway } from '../../test/kit/gateway.ts'
import { startUpstream, textResult, tool } from '../../test/kit/scripted-upstream.ts'
import { call } from '../../test/kit/wire.ts'

const ANYTHING = { inputSchema: { type: 'object', additionalProperties: true } }
const KEY = 'AKIAQ7ZP4WNX2LHC8VTD'

/** One day without decoys: a storm of one payment, and somebody who writes a key down in a long text. */
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('pay', ANYTHING), tool('note', ANYTHING)],
  onCall: () => textResult('done'),
})
const gateway = await startGateway({
  upstreams: { books: { mcp: { url: upstream.url }, tools: { pay: 'irreversible', note: 'write' } } },
})
const cell = await gateway.admit()
for (let i = 0; i < 8; i++) await call(cell.url(), 'books__pay', { account: 'PT50' })
await call(cell.url(), 'books__note', { text: `${'long '.repeat(1_000)}${KEY}` })
await gateway.stop()
after(() => upstream.close())

async function replayed(detector: string, ...more: readonly string[]) {
  const { code, stdout, stderr } = await firebreakHere([
    ...['replay', gateway.ledgerDirectory, '--config', gateway.configFile, '--detector', detector],
    ...more,
  ])
  return { code, text: stdout, stderr }
}

describe('replay --detector', () => {
  it('says when it would have fired, and on what', async () => {
    const { code, text } = await replayed('duplicates')
    assert.equal(code, 0, text)
    assert.match(text, /folded through duplicates: 1 signals/)
    assert.match(text, /books\/pay for the 6th time, unchanged/)
    assert.match(text, /would only tell \(restricted, if it enforced\); evidence: entries \d+(, \d+){5}/)
  })

  it('is what the gateway said then, and the same each time', async () => {
    const [one, two] = [await replayed('all', '--json'), await replayed('all', '--json')]
    assert.equal(one.text, two.text)
    const { signals } = JSON.parse(one.text.trim().split('\n').at(-1) ?? '') as { signals: readonly { seq: number }[] }
    const raised = (await gateway.entries()).filter(({ kind }) => kind === 'signal.raised')
    assert.equal(raised.length, 1)
    assert.deepEqual(
      signals.map(({ seq }) => seq),
      raised.map((entry) => ('evidence' in entry ? entry.evidence.at(-1) : undefined)),
    )
  })

  it('judges by the configuration at hand: a decoy that was not one yet is found in the bytes that were sent', async () => {
    const config = JSON.parse(readFileSync(gateway.configFile, 'utf8')) as { containment: object }
    config.containment = {
      decoys: { credentials: { AWS_ACCESS_KEY_ID: KEY } },
      detectors: { duplicates: { payments: 9 } },
    }
    const file = join(dirname(gateway.configFile), 'firebreak.new.yaml')
    writeFileSync(file, JSON.stringify(config))
    const { stdout } = await firebreakHere(['replay', gateway.ledgerDirectory, '--config', file, '--detector', 'all'])
    assert.match(stdout, /1 signals/)
    assert.match(stdout, /decoy: a decoy was touched: the credential AWS_ACCESS_KEY_ID/)
    assert.match(stdout, /would move it to quarantined/)
  })

  it('a detector that there is not is a mistake', async () => {
    const { code, stderr } = await replayed('nonsense')
    assert.equal(code, 2)
    assert.match(stderr, /there is no detector "nonsense"/)
  })
})

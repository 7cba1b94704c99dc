import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { LIMITS } from '../../model/index.ts'
import { reasonsJson, redacted } from '../pipeline/record.ts'
import { McpAnswer } from '../protocols/mcp/contract/answer.ts'
import { negotiate } from '../protocols/mcp/server/negotiation.ts'
import { coveredText } from './cover.ts'
import { cutShown, searchBeforeCuts } from './cut-shown.ts'
import { cutsTold } from './cuts-told.ts'
import { openSecrets } from './secrets.ts'
import { jsonFaultText } from './strict-json.ts'

const SECRET = 'sk-live-0123456789abcdefghijklmnop'
const opened = openSecrets(new Map([['key', SECRET]]))
if (!opened.ok) throw new Error(opened.reason)
const secrets = opened.value

/** Each place that cuts what an upstream or a cell has said, with the characters that it leaves at most. */
const CUTS: Readonly<Record<string, readonly [characters: number, cut: (said: string) => unknown]>> = {
  'any text': [500, (said) => cutShown(said, 500)],
  'the reason of a list that is cut': [500, (said) => cutsTold([said])],
  'a fault of JSON': [LIMITS.faultCharactersMax, (said) => jsonFaultText({ kind: 'unsafe-number', at: said })],
  'an argument in an entry': [64, (said) => redacted({ note: said.padEnd(9_000, '.') })],
  'a reason in an entry': [2_048, (said) => reasonsJson([{ kind: 'arguments', path: '$', problem: said }])],
  'a refusal to initialize': [
    200,
    (said) =>
      negotiate({
        ask: async () => ({
          kind: 'answered',
          answer: new McpAnswer({ error: { code: -32_001, message: said } }, true),
          bytes: new Uint8Array(),
        }),
        probeMsMax: 1_000,
        answerMsMax: 1_000,
        mayGoOn: () => true,
      }),
  ],
}

describe('S10: no part of a secret is left by a cut', () => {
  let end = () => {}
  before(() => {
    end = searchBeforeCuts(secrets)
  })
  after(() => end())

  for (const [what, [characters, cut]] of Object.entries(CUTS)) {
    it(`in ${what}`, async () => {
      for (let shown = 8; shown < SECRET.length + 40; shown++) {
        const said = `${'.'.repeat(Math.max(0, characters - shown))}${SECRET} is no key`
        const told = coveredText(JSON.stringify(await cut(said)), secrets)
        assert.ok(!told.includes(SECRET.slice(0, 8)), told)
      }
    })
  }

  it('and a text that needs no cut, or holds none, is as it was', () => {
    assert.equal(cutShown('abc', 3), 'abc')
    assert.equal(cutShown('abcdef', 3), 'abc')
    assert.equal(cutShown(`a ${SECRET}`, 10), '[the secre')
    assert.equal(cutShown(`a ${'.'.repeat(100_000)}${SECRET}`, 10), 'a ........', 'far behind what is shown')
  })
})

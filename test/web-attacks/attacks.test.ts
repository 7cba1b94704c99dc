/**
 * Attacks on the way out of a cell to the web, each made against a gateway outside: here those of kinds that are quick,
 * `npm run test:suites` makes all.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { reachedIn } from './judge.ts'
import { PLAIN } from './outside.ts'
import { disagreement } from './readers.ts'
import { attackTable, CANNOT, QUICK, webAttacks } from './run.ts'

const HEAD = 'POST /ok HTTP/1.1\r\nhost: plain.far.example\r\n'
const SECOND = 'GET /evil HTTP/1.1\r\nhost: plain.far.example\r\n\r\n'

describe('attacks on the way out to the web', () => {
  it('S2: S6: of a thousand none reaches anything', { skip: CANNOT }, async (context) => {
    const attacks = await webAttacks([QUICK])
    context.diagnostic(`\n${attackTable(attacks)}`)
    assert.deepEqual(attacks.control.reached, [
      'a connection to 169.254.169.254:80',
      '1 connections to where nobody stands',
    ])
    assert.deepEqual(
      attacks.kinds.filter(({ reached }) => reached.length > 0).map(({ name, reached }) => [name, reached.slice(0, 5)]),
      [],
    )
    assert.ok(attacks.cases >= 1_000, `${attacks.cases}`)
  })

  it('what two servers would split in different ways is told from what all split alike', () => {
    const chunks = `0\r\n\r\n${SECOND}`
    const split = [
      `${HEAD}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`,
      `${HEAD}content-length: 0\r\ncontent-length: ${SECOND.length}\r\n\r\n${SECOND}`,
      `${HEAD}content_length: ${SECOND.length}\r\n\r\n${SECOND}`,
      `${HEAD}transfer-encoding: xchunked\r\n\r\n${chunks}`,
      `${HEAD}a: b\ncontent-length: ${SECOND.length}\r\n\r\n${SECOND}`,
      `${HEAD}a: b\rcontent-length: ${SECOND.length}\r\n\r\n${SECOND}`,
      `${HEAD}content-length: +5\r\n\r\nabcde`,
      `${HEAD}content-length: 0x5\r\n\r\nabcde`,
    ]
    for (const stream of split) assert.notEqual(disagreement(stream), undefined, JSON.stringify(stream))
    const alike = [
      `${HEAD}content-length: 5\r\n\r\nabcde${HEAD}transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`,
      `${HEAD}content-length: ${SECOND.length}\r\n\r\n${SECOND}`,
    ]
    for (const stream of alike) assert.equal(disagreement(stream), undefined)
    const arrived = { connections: [], attempts: 0, asked: [], open: 0, streams: [{ origin: PLAIN, stream: SECOND }] }
    assert.deepEqual(reachedIn(arrived), [`at ${PLAIN}: GET /evil for plain.far.example`])
  })
})

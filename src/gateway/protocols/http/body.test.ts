import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { LIMITS } from '../../../model/index.ts'
import { Room } from '../../fairness/room.ts'
import type { WebRequest } from '../../web/web-request.ts'
import { readWebBody } from './body.ts'

function requestOf(type: string, body: Readable, length?: number): WebRequest {
  const headers = [['content-type', type]] as const
  const place = { scheme: 'http', host: 'api.example', port: 80 } as const
  return { place, method: 'POST', target: '/', headers, length, hasBody: true, body }
}

function posted(type: string, text: string, room = new Room(LIMITS.framesBytesMax)) {
  return readWebBody(requestOf(type, Readable.from([Buffer.from(text)])), room)
}

describe('the body of a request', () => {
  it('one that cannot be read takes no room from those that come after it', async () => {
    const room = new Room(100)
    for (const [type, text] of [
      ['application/json', `{"a":${'x'.repeat(80)}`],
      ['application/json', `{"a":1,"a":${'1'.repeat(80)}}`],
      ['application/x-www-form-urlencoded', `a=%zz${'x'.repeat(80)}`],
      ['application/json', 'x'.repeat(200)],
      ['application/json; charset=utf-16', '1'.repeat(80)],
    ] as const)
      assert.equal((await posted(type, text, room)).ok, false, text)
    const broken = new PassThrough()
    const reading = readWebBody(requestOf('application/json', broken), room)
    broken.write('1'.repeat(80))
    setImmediate(() => broken.destroy())
    assert.equal((await reading).ok, false)
    const large = new PassThrough()
    assert.equal(
      (await readWebBody(requestOf('application/json', large, LIMITS.judgedBodyBytesMax + 1), room)).ok,
      false,
    )
    assert.ok(room.take(100))
  })

  it('is judged in the characters that whoever gets it reads it in', async () => {
    for (const type of [
      'application/json; charset=utf-7',
      'application/json;charset=ibm037',
      'application/json; a=b; CHARSET="utf-16le"',
      'application/json; charset =utf-16',
      "application/json; charset*=utf-8''utf-16",
      'application/x-www-form-urlencoded; charset=utf-16',
    ])
      assert.equal((await posted(type, '1')).ok, false, type)
    for (const type of [
      'application/json',
      'Application/JSON; Charset=UTF-8',
      'application/a+json; charset="utf-8"; v=2',
    ]) {
      const body = await posted(type, '[1]')
      assert.deepEqual(body.ok && body.value.kind === 'judged' && body.value.value, [1], type)
    }
  })
})

import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { until } from '../../../../test/kit/until.ts'
import { LIMITS } from '../../../model/index.ts'
import { Room } from '../../fairness/room.ts'
import type { WebRequest } from '../../web/web-request.ts'
import { readWebBody, TOO_LARGE } from './body.ts'

function requestOf(type: string, body: Readable, length?: number): WebRequest {
  const headers = [['content-type', type]] as const
  const place = { scheme: 'http', host: 'api.example', port: 80 } as const
  return { place, method: 'POST', target: '/', headers, length, hasBody: true, body }
}

const AT_ONCE = () => undefined

function posted(type: string, text: string, room = new Room(LIMITS.framesBytesMax)) {
  return readWebBody(requestOf(type, Readable.from([Buffer.from(text)])), room, AT_ONCE)
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
    const reading = readWebBody(requestOf('application/json', broken), room, AT_ONCE)
    broken.write('1'.repeat(80))
    setImmediate(() => broken.destroy())
    assert.equal((await reading).ok, false)
    const large = new PassThrough()
    assert.equal(
      (await readWebBody(requestOf('application/json', large, LIMITS.judgedBodyBytesMax + 1), room, AT_ONCE)).ok,
      false,
    )
    assert.ok(room.take(100))
  })

  it('S14: is judged in its turn: what ends beside it waits for another one', async () => {
    const [asked, given] = [[] as number[], Promise.withResolvers<void>()]
    const turn = (bytes: number) => {
      asked.push(bytes)
      return given.promise
    }
    let judged = false
    const room = new Room(100)
    const body = requestOf('application/json', Readable.from([Buffer.from('{"a":1}')]))
    const reading = readWebBody(body, room, turn).then((read) => {
      judged = true
      return read
    })
    await until('it has come', () => asked.length > 0)
    assert.deepEqual([asked, judged], [[7], false])
    given.resolve()
    assert.ok((await reading).ok)
  })

  it('S17: a name costs no more than its length, however it is nested and how often it comes', async () => {
    const form = 'application/x-www-form-urlencoded'
    const deep = await posted(form, `a${'[b]'.repeat(65)}=1`)
    assert.match(deep.ok ? '' : deep.reason, /^its form names "a.*, with more than 64 brackets$/)
    assert.ok((await posted(form, `a${'[b]'.repeat(64)}=1`)).ok)
    const many = await posted(form, `${'a&'.repeat(3_999)}a`)
    assert.ok(many.ok && many.value.kind === 'judged')
    assert.deepEqual(many.value.value, { a: Array.from({ length: 4_000 }, () => '') })
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
      assert.ok(body.ok && body.value.kind === 'judged', type)
      assert.deepEqual(body.value.value, [1])
      assert.equal(body.value.type, type.split(';')[0]?.toLowerCase())
    }
  })

  it('S11: is made anew of what was judged, and takes as much room as it has then', async () => {
    for (const [type, came, leaves] of [
      [
        JSON_TYPE,
        ' {\t"gr\\u0065en" : [1.10, 1e2, -0, 0.10000000000000001, "\\/\\u00e9"] }\r\n',
        '{"green":[1.1,100,0,0.1,"/é"]}',
      ],
      [JSON_TYPE, '[9e15,9e15]', '[9000000000000000,9000000000000000]'],
      [FORM, '%61=%62+c&d%5b%5D=%2A(&b=%c3%A9&x', 'a=b+c&d%5B%5D=*%28&b=%C3%A9&x='],
      [FORM, 'b=2&a=1&b=3', 'b=2&b=3&a=1'],
      [FORM, '', ''],
    ] as const) {
      const room = new Room(100)
      const body = await posted(type, came, room)
      assert.ok(body.ok && body.value.kind === 'judged', came)
      assert.equal(Buffer.from(body.value.bytes).toString(), leaves)
      assert.ok(room.take(100 - body.value.bytes.length) && !room.take(1), came)
    }
    const room = new Room(20)
    assert.equal((await posted(JSON_TYPE, '[9e15,9e15]', room)).ok, false)
    assert.ok(room.take(20))
    const grows = `[${'9e15,'.repeat(40_000)}"${'x'.repeat(LIMITS.judgedBodyBytesMax - 300_000)}"]`
    const large = await posted(JSON_TYPE, grows)
    assert.equal(large.ok ? '' : large.reason, TOO_LARGE)
  })

  it('is none where it says JSON and has no byte', async () => {
    assert.deepEqual(await posted(JSON_TYPE, ''), { ok: true, value: { kind: 'none' } })
  })

  const FORM = 'application/x-www-form-urlencoded'
  const JSON_TYPE = 'application/json'
  const AMBIGUOUS: readonly (readonly [type: string, body: string, said: RegExp])[] = [
    [FORM, 'amount=1&[amount]=9999', /\[amount\].*brackets/],
    [FORM, 'amount=1&amount]=9999', /amount\].*brackets/],
    [FORM, 'amount=1&amount[=9999', /amount\[.*brackets/],
    [FORM, 'amount=1&amount[]x=9999', /brackets/],
    [FORM, 'a=1&[amount]=9999', /brackets/],
    [FORM, 'amount=1&+amount=9999', /spaces/],
    [FORM, '+amount=9999', /spaces/],
    [FORM, 'amount%09=9999', /spaces/],
    [FORM, 'amount%00=9999', /spaces/],
    [FORM, 'amount=1&Amount=9999', /amount and Amount/],
    [FORM, 'amount=1&amount[]=9999', /amount and amount\[\]/],
    [FORM, 'amount[0]=9999&amount=1', /amount\[0\] and amount|amount and amount\[0\]/],
    [FORM, 'amount=1&amount.=9999', /amount and amount\./],
    [FORM, 'to_id=1&to.id=9999', /to_id and to\.id/],
    [FORM, 'to_id=1&to+id=9999', /to_id and to id/],
    [FORM, 'a[to]=1&a[To]=2', /a\[to\] and a\[To\]/],
    [FORM, '_method=DELETE', /_method/],
    [FORM, 'a=1&.method=DELETE', /\.method/],
    [FORM, '_method[]=DELETE', /_method/],
    [FORM, 'a[][x]=1&a[][y]=2&a[][x]=3', /a\[\]\[x\] twice/],
    [FORM, '{"x":"=&state=open&y=","state":"closed"}', /begins as JSON/],
    [FORM, '["=&state=open&y="]', /begins as JSON/],
    [JSON_TYPE, '{"state_id":3,"State_id":9}', /state_id and State_id/],
    [JSON_TYPE, '{"a":[{"b":{"to":1,"\u017fo":2,"TO":3}}]}', /to and TO/],
    [JSON_TYPE, '{"skip":1,"\u017fkip":9}', /skip and \u017fkip/],
    [JSON_TYPE, '{"to":1,"to ":9}', /to and to /],
    [JSON_TYPE, '{"_method":"DELETE"}', /_method/],
    ['application/vnd.api+json', '{"a":1,"A":2}', /a and A/],
  ]
  for (const [type, text, said] of AMBIGUOUS)
    it(`S11: is refused where it says two things: ${text}`, async () => {
      const room = new Room(100)
      const body = await posted(type, text, room)
      assert.ok(!body.ok)
      assert.match(body.reason.replaceAll('"', ''), said)
      assert.ok(room.take(100))
    })

  it('says what honest programs say', async () => {
    for (const [type, text] of [
      [FORM, 'tags[]=a&tags[]=b&tag=c'],
      [FORM, 'x[1][23]=a&x[12][3]=b'],
      [FORM, 'user=1&user_id=2&user.name=b&userid=3'],
      [FORM, 'token=a&_token=b&method=c'],
      [FORM, 'a[b][c]=1&a[b][d]=2&a[bc]=3'],
      [FORM, 'a=%7B%22x%22%3A1%7D'],
      [JSON_TYPE, '{"1.10":1,"11.0":2,"a b":1,"ab":2,"user_id":3,"userId":4,"a[0]":1,"a0":2}'],
      [JSON_TYPE, '{"a":{"b":1},"B":2,"c":{"_method":"x"}}'],
      [JSON_TYPE, '[{"a":1},{"A":1}]'],
    ] as const) {
      const body = await posted(type, text)
      assert.ok(body.ok, `${text}: ${body.ok ? '' : body.reason}`)
    }
  })

  it('S11: has one content type and one encoding, in whatever spelling of their names', async () => {
    const spelled = (...headers: WebRequest['headers']) =>
      readWebBody({ ...requestOf('', Readable.from([Buffer.from('{"a":1}')])), headers }, new Room(100), AT_ONCE)
    const json = ['content-type', JSON_TYPE] as const
    assert.ok((await spelled(json)).ok)
    assert.equal((await spelled(json, ['content_type', FORM])).ok, false)
    assert.equal((await spelled(json, ['Content--Encoding', 'gzip'])).ok, false)
    const other = await spelled(['content_type', JSON_TYPE])
    assert.ok(other.ok && other.value.kind === 'judged')
  })

  it('S11: passes on unread under a type that is one, or under none', async () => {
    for (const type of [
      ...['comment', 'application/json, text/plain', '/json', 'text/', 'text/a b', 'a/b/c', ' ; a=b'],
      'application/json;a=b, application/x-www-form-urlencoded',
      'image/png;a=b, application/json',
      'image/png;a="b, application/json;"',
      'application/json;a="b", application/x-www-form-urlencoded',
      'text/plain;a="b\\"c"',
      'text/plain;a',
      'text/plain;a=',
      'text/plain;a =b',
      'text/plain;a="b',
      'text/plain;a="b"c',
      'text/plain;a=b;A=c',
      'text/plain a=b',
    ])
      assert.equal((await posted(type, '{"type":"comment"}')).ok, false, type)
    for (const type of [
      'application/x_y+json',
      'image/a!b+json',
      'text/json',
      'text/x-json',
      'application/jsonrequest',
    ]) {
      const body = await posted(type, '{"type":"comment"}')
      assert.ok(body.ok && body.value.kind === 'judged', type)
    }
    for (const type of [
      'application/octet-stream',
      'application/json-seq',
      'Multipart/Form-Data; boundary=x',
      'multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW',
      'multipart/form-data;boundary="===============1234=="; charset=utf-8',
      "multipart/form-data; boundary=a'b+c_d.e",
      'text/plain;charset=UTF-8;',
      'multipart/related; type="text/xml" ; boundary=x',
      'text/vnd.a+b',
    ]) {
      const body = await posted(type, 'x')
      assert.ok(body.ok && body.value.kind === 'streamed', type)
      assert.equal(body.value.type, type.split(';')[0]?.toLowerCase())
    }
    const untyped = { ...requestOf('', Readable.from([])), headers: [] }
    assert.deepEqual(await readWebBody(untyped, new Room(1), AT_ONCE), {
      ok: true,
      value: { kind: 'streamed', type: '', length: undefined },
    })
    assert.deepEqual(await readWebBody({ ...untyped, length: 0 }, new Room(1), AT_ONCE), {
      ok: true,
      value: { kind: 'none' },
    })
  })
})

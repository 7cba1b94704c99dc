import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { WebReply } from '../../web/web-request.ts'
import { ToldReply } from './told-reply.ts'

/** A reply that notes what it is told to show. */
class NotedReply implements WebReply {
  readonly gone = new AbortController().signal
  readonly shown: unknown[] = []

  get hasBegun(): boolean {
    return this.shown.length > 0
  }

  begin(status: number, headers: readonly (readonly [string, string])[]): boolean {
    this.shown.push([status, headers])
    return true
  }

  write(piece: Uint8Array): boolean {
    this.shown.push(String(piece))
    return false
  }

  drained(then: () => void): void {
    then()
  }

  end(): void {
    this.shown.push('end')
  }

  cut(): void {
    this.shown.push('cut')
  }

  refuse(status: number): void {
    this.shown.push(status)
  }
}

function told(status: number, body: string, headers: readonly (readonly [string, string])[] = []) {
  const reply = new NotedReply()
  const told = new ToldReply(reply)
  assert.equal(told.begin(status, headers), true)
  assert.equal(told.hasBegun, true)
  for (let i = 0; i < body.length; i += 10_000) told.write(Buffer.from(body.slice(i, i + 10_000)))
  told.end()
  return { shown: reply.shown, taken: told.take(), hasEnough: told.hasEnough }
}

describe('ToldReply', () => {
  it('shows an answer as it comes, but for headers that name the account', () => {
    const { shown, taken } = told(200, 'hello', [
      ['content-type', 'text/event-stream'],
      ['openai-organization', 'org-abc'],
      ['OpenAI-Project', 'proj_abc'],
      ['anthropic-organization-id', 'b5e1'],
      ['request-id', 'req_1'],
      ['anthropic-ratelimit-requests-remaining', '9'],
    ])
    const headers = [
      ['content-type', 'text/event-stream'],
      ['request-id', 'req_1'],
      ['anthropic-ratelimit-requests-remaining', '9'],
    ]
    assert.deepEqual(shown, [[200, headers], String(Buffer.from('hello')), 'end'])
    assert.equal(taken, undefined)
  })

  it('holds a refusal, and tells it without the account and the ends of a key', () => {
    const said = [
      'Incorrect API key provided: sk-proj-********************************************cdef.',
      'Rate limit reached for gpt-5.4 in organization org-AbC123dEf456 on tokens per min. Limit: 30000',
      'Project `proj_AbC123dEf456` does not have access to model `gpt-9`',
      "your organization's (0e3b6a1c-2f4d-4a5b-8c7d-9e0f1a2b3c4d) rate limit of 50 requests — grüße",
      "Consumer 'projects/123456789' has been suspended",
    ]
    const body = JSON.stringify({ error: { message: said.join('\n') } })
    const { shown, taken } = told(429, body, [
      ['content-length', String(Buffer.byteLength(body))],
      ['retry-after', '7'],
    ])
    assert.deepEqual(shown, [])
    const text = Buffer.from(taken?.body ?? '').toString()
    assert.equal(JSON.parse(text).error.message.split('\n').length, said.length)
    assert.doesNotMatch(text, /sk-proj|cdef|AbC123dEf456|0e3b6a1c|123456789/)
    assert.match(text, /gpt-5\.4 in organization \(not told\) on tokens per min\. Limit: 30000/)
    assert.match(text, /of 50 requests — grüße/)
    assert.deepEqual(taken?.headers, [
      ['retry-after', '7'],
      ['content-length', String(taken?.body.length)],
    ])
    // What clients look for in it stays.
    const long = 'user-provided prompt is too long: 205000 tokens > 200000 maximum'
    assert.equal(String(told(400, long).taken?.body && Buffer.from(told(400, long).taken?.body ?? '')), long)
  })

  it('tells nothing of a refusal that broke off, or is longer than one', () => {
    const cut = new ToldReply(new NotedReply())
    cut.begin(500, [])
    cut.write(Buffer.from('half'))
    cut.cut()
    assert.equal(cut.take(), undefined)
    assert.deepEqual(told(500, 'x'.repeat(65_536)).taken?.body.length, 65_536)
    const long = told(500, 'x'.repeat(65_537))
    assert.deepEqual([long.taken, long.hasEnough], [undefined, true])
  })
})

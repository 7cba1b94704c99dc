import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ANTHROPIC } from './providers/anthropic.ts'
import { GOOGLE } from './providers/google.ts'
import { OPENAI } from './providers/openai.ts'
import { modelRefusal } from './refusal.ts'

describe('modelRefusal', () => {
  it('speaks as each provider does, with the status after which no client asks again', () => {
    const said = [ANTHROPIC, OPENAI, GOOGLE].map((provider) => modelRefusal(provider, 'refused: "x"'))
    assert.deepEqual(
      said.map(({ status }) => status),
      [400, 400, 400],
    )
    assert.deepEqual(
      said.map(({ body }) => JSON.parse(new TextDecoder().decode(body))),
      [
        { type: 'error', error: { type: 'invalid_request_error', message: 'refused: "x"' } },
        {
          error: { message: 'refused: "x"', type: 'invalid_request_error', param: null, code: 'refused_by_firebreak' },
        },
        { error: { code: 400, message: 'refused: "x"', status: 'INVALID_ARGUMENT' } },
      ],
    )
    for (const { headers, body } of said) assert.equal(new Map(headers).get('content-length'), String(body.length))
  })
})

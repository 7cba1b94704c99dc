import assert from 'node:assert/strict'
import { it } from 'node:test'
import { wantedText } from './resolve.ts'

it('a tool that a drill looks for is told in words', () => {
  assert.equal(wantedText('mail/mail.send'), 'tool mail/mail.send')
  assert.equal(wantedText({ relay: true, granted: true }), 'tool of a relay, granted to it')
  assert.equal(
    wantedText({ effect: 'irreversible', environment: 'other', granted: false }),
    'tool with effect irreversible, in another environment, not granted to it',
  )
})

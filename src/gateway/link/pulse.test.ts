import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { PULSE_BYTES, pulseBytes, readPulse } from './pulse.ts'

describe('what a gateway can say to the warden', () => {
  it('S14: is a pulse that is written in exactly one way, or nothing', () => {
    const byte = fc.integer({ min: 0, max: 255 })
    const often0 = fc.oneof(fc.constant(0), byte)
    const bytes = fc.tuple(
      fc.oneof(fc.integer({ min: 0, max: 16 }), byte),
      fc.array(often0, { minLength: 3, maxLength: 3 }),
      fc.array(byte, { minLength: 4, maxLength: 4 }),
    )
    fc.assert(
      fc.property(bytes, ([kind, padding, number]) => {
        const said = Uint8Array.from([kind, ...padding, ...number])
        const pulse = readPulse(said)
        const [always0, ...which] = padding
        const saysMore = pulse?.kind === 'launch' || pulse?.kind === 'contain'
        if (always0 !== 0) assert.equal(pulse, undefined)
        if (which.some((byte) => byte !== 0) && !saysMore) assert.equal(pulse, undefined)
        if (pulse !== undefined) assert.deepEqual(Uint8Array.from(pulseBytes(pulse)), said)
      }),
    )
  })

  it('S14: is one of a handful of kinds, in eight bytes', () => {
    const kinds = Array.from({ length: 256 }, (_, kind) => readPulse(Uint8Array.of(kind, 0, 0, 0, 1, 2, 0, 0)))
    const known = kinds.filter((pulse) => pulse !== undefined)
    assert.ok(known.length < 16 && known.some(({ kind }) => kind === 'heartbeat'))
    assert.deepEqual(kinds.slice(known.length), Array(256 - known.length).fill(undefined))
    assert.ok(known.every(({ number }) => number === 513))
    for (const length of [0, 1, PULSE_BYTES - 1, PULSE_BYTES + 1, 16])
      assert.equal(readPulse(new Uint8Array(length)), undefined, `${length} bytes`)
  })
})

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { describe, it } from 'node:test'
import { pulseBytes, readPulse } from '../../gateway/link/pulse.ts'
import { Gateway } from './services.ts'

/** Numbers of all kinds of pulses, and more. */
const KINDS = Array.from({ length: 64 }, (_, i) => readPulse(Uint8Array.of(i, 0, 0, 0, 0, 0, 0, 0))?.kind)

describe('the words of a gateway', () => {
  it('S8: that it could not follow ends the waiting for each word that answers a message', async () => {
    const pulses = new PassThrough()
    const child = Object.assign(new EventEmitter(), { stdio: [null, null, null, null, pulses], kill: () => true })
    const gateway = new Gateway(child as unknown as ChildProcess, -1) // all that is asked of it
    // What it says by itself, or when it begins.
    const unasked = ['heartbeat', 'ready', 'failed', 'freeze', 'kill', 'contain', 'launch', 'given-up']
    const answers = KINDS.filter((kind) => kind !== undefined).filter(
      (kind) => ![...unasked, 'checkpoint', 'credential'].includes(kind),
    )
    assert.deepEqual(answers.toSorted(), ['answered', 'cell-closed', 'cell-ready', 'ordered', 'undone'])
    const heard = answers.map((kind, i) => gateway.said(kind, i + 1, 600_000))
    const other = gateway.said('ordered', 100, 600_000)
    for (const number of answers.keys()) pulses.write(pulseBytes({ kind: 'failed', number: number + 1 }))
    for (const said of await Promise.all(heard))
      assert.match(said.ok ? '' : said.reason, /^the gateway could not follow: its log says why$/)
    pulses.write(pulseBytes({ kind: 'ordered', number: 100 }))
    assert.ok((await other).ok, 'control')
    gateway.distrust('the test is over')
  })
})

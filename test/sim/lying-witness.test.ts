/** A witness that lies gets nothing out of the ledger but silence: no seal is taken, and effects end (S4, S12, S14). */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex, duplexPair } from 'node:stream'
import { after, describe, it } from 'node:test'
import { openLedger, originOf } from '../../src/ledger/log/ledger.ts'
import { cosign, type TreeHead } from '../../src/ledger/log/note.ts'
import { EMPTY_ROOT } from '../../src/ledger/seal/merkle.ts'
import { startSealing } from '../../src/ledger/seal/sealing.ts'
import { type OwnKey, openWitnessKey } from '../../src/ledger/seal/witness-key.ts'
import { answerFrame, framesFrom, readQuestion } from '../../src/ledger/seal/witness-protocol.ts'
import { fill } from './ledger-fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'firebreak-lying-'))
after(() => rmSync(root, { recursive: true, force: true }))

async function keyOf(name: string): Promise<OwnKey> {
  const directory = join(root, name)
  mkdirSync(directory)
  const own = await openWitnessKey(directory)
  if (!own.ok) throw new Error(own.reason)
  return own.value
}
const [own, thief] = [await keyOf('own'), await keyOf('thief')]

function seal(head: TreeHead, { key, privateKey }: OwnKey): Buffer {
  return answerFrame({ kind: 'sealed', note: cosign(head, key, privateKey, Math.floor(Date.now() / 1000)) })
}

/** What it answers when it is offered a head. */
const ANSWERS: Readonly<Record<string, (head: TreeHead) => Buffer | undefined>> = {
  honest: (head) => seal(head, own),
  'a seal by another key': (head) => seal(head, thief),
  'a seal for another log': (head) => seal({ ...head, origin: originOf('other') }, own),
  'a seal for fewer entries': (head) => seal({ ...head, size: head.size - 1 }, own),
  'a seal for more entries': (head) => seal({ ...head, size: head.size + 1 }, own),
  'a seal for another tree': (head) => seal({ ...head, root: EMPTY_ROOT }, own),
  'a seal of which one byte has changed': (head) => {
    const frame = seal(head, own)
    frame[frame.length - 3] = (frame[frame.length - 3] ?? 0) ^ 1
    return frame
  },
  'an answer to another question': () => answerFrame({ kind: 'last', size: 0, root: EMPTY_ROOT, key: own.keyText }),
  'what is no answer': () => Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  'a frame that never ends': () => Buffer.from([0xff, 0xff]),
  'an end of the stream': () => undefined,
}

async function serve(stream: Duplex, answer: (typeof ANSWERS)[string]): Promise<void> {
  for await (const bytes of framesFrom(stream)) {
    const question = readQuestion(bytes)
    const reply =
      question?.kind === 'head'
        ? answer({ origin: originOf('test'), size: question.size, root: question.root })
        : answerFrame({ kind: 'last', size: 0, root: EMPTY_ROOT, key: own.keyText })
    if (reply === undefined) return void stream.destroy()
    stream.write(reply)
  }
}

describe('S4: a witness that answers with', () => {
  for (const [what, answer] of Object.entries(ANSWERS)) {
    it(`S4: S12: ${what}: ${what === 'honest' ? 'control: effects leave' : 'no effect leaves, all else goes on'}`, async () => {
      const directory = join(root, `ledger ${what}`)
      const opened = await openLedger({ directory, origin: originOf('test'), clock: { nowMs: Date.now } })
      assert.ok(opened.ok)
      const ledger = opened.value
      await fill(ledger, 3)
      const [stream, far] = duplexPair()
      const served = serve(far, answer)
      const sealing = startSealing(ledger, stream, Date.now)
      const honest = what === 'honest'
      assert.equal((await sealing.sealNow()).ok, honest)
      assert.equal((await sealing.sealNow()).ok, honest, 'again')
      assert.equal(ledger.effectsAllowed(Date.now()), honest)
      assert.equal(ledger.fault, undefined)
      await fill(ledger, 1, 3)
      stream.destroy()
      far.destroy()
      await served
      await sealing.stop()
      await ledger.close()
    })
  }
})

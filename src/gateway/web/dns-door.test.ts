import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { listener } from '../../../test/kit/listener.ts'
import { cleanUp } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { DnsDoor } from './dns-door.ts'

/** A question for the address of `a.b`, after its length. */
const QUESTION = Buffer.from('0015000001000001000000000000' + '0161016200' + '00010001', 'hex')

async function asking(answered: () => void) {
  const door = new DnsDoor({
    answer: () => {
      answered()
      return { code: 'done', addresses: ['198.18.0.9'] }
    },
  })
  const { port, fd } = listener()
  await door.listen(fd)
  cleanUp(() => door.close())
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined)
  cleanUp(() => void socket.destroy())
  return socket
}

describe('the resolver of a cell', () => {
  it('answers a few questions of a connection in one turn, however many one read brings', async () => {
    let [turn, most, all] = [0, 0, 0]
    const socket = await asking(() => {
      all++
      most = Math.max(most, ++turn)
    })
    let watching = true
    const watch = () => {
      turn = 0
      if (watching) setImmediate(watch)
    }
    watch()
    cleanUp(() => {
      watching = false
    })
    let heard = 0
    socket.on('data', (piece: Buffer) => {
      heard += piece.length
    })
    socket.write(Buffer.concat(Array.from({ length: 2_000 }, () => QUESTION)))
    await until('all are answered', () => heard === 2_000 * (QUESTION.length + 16))
    watching = false
    assert.equal(all, 2_000)
    assert.ok(most <= 16, `${most}`)
  })
})

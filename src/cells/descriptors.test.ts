// In a process of its own: it counts the descriptors of the process.
import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../test/kit/until.ts'
import {
  CHANNEL_DESCRIPTORS_MAX,
  CHANNEL_MESSAGE_BYTES_MAX,
  openChannel,
  type Received,
  receiveDescriptors,
  receiveOne,
  sendDescriptor,
  sendDescriptors,
} from './descriptors.ts'
import { ANYWHERE_MAX, PORTS_MAX } from './spec-words.ts'

function channel() {
  const made = openChannel()
  assert.ok(made.ok)
  return made.value
}

it('a message arrives whole, with its descriptors, which are the same open files', async () => {
  const { near, far } = channel()
  const received: Received[] = []
  const ended = new Promise((resolve) => receiveDescriptors(far, (each) => received.push(each), resolve))
  const file = openSync('/etc/passwd', 'r')
  assert.ok(sendDescriptors(near, Buffer.from('three'), [file, file, file]).ok)
  assert.ok(sendDescriptor(near, Buffer.from('one'), file).ok)
  assert.ok(sendDescriptors(near, Buffer.from('none'), []).ok)
  readSync(file, Buffer.alloc(5))
  closeSync(near)
  assert.equal(await ended, undefined)
  assert.deepEqual(
    received.map(({ message, fds }) => [Buffer.from(message).toString(), fds.length]),
    [
      ['three', 3],
      ['one', 1],
      ['none', 0],
    ],
  )
  for (const fd of received.flatMap(({ fds }) => fds)) {
    assert.equal(fstatSync(fd).ino, fstatSync(file).ino)
    closeSync(fd)
  }
  closeSync(file)
})

it('S17: a message over the limit, an empty one, or too many descriptors is not sent', () => {
  const { near, far } = channel()
  const many = Array.from({ length: CHANNEL_DESCRIPTORS_MAX + 1 }, () => 0)
  for (const [message, fds] of [
    [Buffer.alloc(CHANNEL_MESSAGE_BYTES_MAX + 1), []],
    [Buffer.alloc(0), []],
    [Buffer.from('x'), many],
  ] as const) {
    const sent = sendDescriptors(near, message, fds)
    assert.equal(!sent.ok && sent.reason.kind, 'too-large')
  }
  assert.ok(sendDescriptors(near, Buffer.alloc(CHANNEL_MESSAGE_BYTES_MAX), []).ok)
  const received = receiveOne(far)
  assert.ok(received !== 'later' && received.ok)
  assert.equal(received.value.message.length, CHANNEL_MESSAGE_BYTES_MAX)
  for (const fd of [near, far]) closeSync(fd)
})

it('one message holds all sockets of a cell, and three streams', () => {
  assert.equal(CHANNEL_DESCRIPTORS_MAX, PORTS_MAX + ANYWHERE_MAX + 3)
  const { near, far } = channel()
  const before = readdirSync('/proc/self/fd').length
  assert.ok(
    sendDescriptors(
      near,
      Buffer.from('x'),
      Array.from({ length: CHANNEL_DESCRIPTORS_MAX }, () => near),
    ).ok,
  )
  const received = receiveOne(far)
  assert.ok(received !== 'later' && received.ok)
  assert.equal(received.value.fds.length, CHANNEL_DESCRIPTORS_MAX)
  for (const fd of received.value.fds) closeSync(fd)
  assert.equal(readdirSync('/proc/self/fd').length, before)
  for (const fd of [near, far]) closeSync(fd)
})

it('a reader that does not keep up is an answer, not a wait', () => {
  const { near, far } = channel()
  const message = Buffer.alloc(32_768)
  let sent = sendDescriptors(near, message, [])
  for (let i = 0; i < 1_000 && sent.ok; i++) sent = sendDescriptors(near, message, [])
  assert.equal(!sent.ok && sent.reason.kind, 'full')
  for (const fd of [near, far]) closeSync(fd)
})

it('a reader that is gone is an answer, not a signal', () => {
  const { near, far } = channel()
  closeSync(far)
  const sent = sendDescriptors(near, Buffer.from('x'), [])
  assert.equal(!sent.ok && sent.reason.kind, 'closed')
  closeSync(near)
})

it('no descriptor stays open that was not handed over', async () => {
  const before = readdirSync('/proc/self/fd').length
  for (let i = 0; i < 50; i++) {
    const { near, far } = channel()
    const receiver = receiveDescriptors(
      far,
      ({ fds }) => fds.forEach((fd) => void closeSync(fd)),
      () => {},
    )
    assert.ok(sendDescriptor(near, Buffer.from('x'), near).ok)
    await delay(1)
    receiver.close()
    closeSync(near)
  }
  await until(`no more than ${before + 2}`, () => readdirSync('/proc/self/fd').length <= before + 2)
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { socketsOf } from '../../cell-sockets.ts'
import { socketIn, socketWord } from './open-sockets.ts'

it('a socket is a word of a command line and back, and nothing else is one', () => {
  const anywhere = [
    { transport: 'tcp', port: 443 },
    { transport: 'udp', port: 53 },
  ] as const
  const sockets = socketsOf({ ports: [7070], anywhere })
  assert.deepEqual(sockets.map(socketWord), ['tcp:loopback:7070', 'tcp:anywhere:443', 'udp:anywhere:53'])
  assert.deepEqual(
    sockets.map((socket) => socketIn(socketWord(socket))),
    sockets,
  )
  for (const word of [
    '',
    '7070',
    'tcp:loopback:',
    'tcp:host:80',
    'sctp:anywhere:80',
    'tcp:anywhere:443 ',
    'tcp:anywhere:-1',
  ])
    assert.equal(socketIn(word), undefined, word)
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { socketsOf } from '../../cell-sockets.ts'
import { leadsSomewhere, socketIn, socketWord } from './open-sockets.ts'

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

it('a network with a route to somewhere is no cell’s', () => {
  const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
  assert.equal(leadsSomewhere(head), false)
  assert.equal(leadsSomewhere(''), false)
  assert.equal(leadsSomewhere(`${head}eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`), true)
})

/** Every way to write or to answer an address that no name may lead to, against a listener that counts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, isIP } from 'node:net'
import { after, describe, it } from 'node:test'
import { domainToASCII } from 'node:url'
import { holding, INNER_V4, INNER_V6, repairedTo, spellingsOf } from '../../../test/kit/address-spellings.ts'
import { addressesOf, dial } from './dial.ts'
import { readAuthority, readOrigin } from './origin.ts'

let reached = 0
const server = createServer((socket) => {
  reached++
  socket.on('error', () => undefined).destroy()
})
// All addresses of this machine, of both kinds.
server.listen(0, '::')
await once(server, 'listening')
after(() => server.close())
const { port } = server.address() as AddressInfo // it listens on a port

const SPELLINGS = INNER_V4.flatMap((address) => [...spellingsOf(address), ...repairedTo(address)])
const ADDRESSES = [...INNER_V4.flatMap((address) => [address, ...holding(address)]), ...INNER_V6]

/** Texts that `inet_aton` reads: one to four numbers in any base. The rest would be asked of a network. */
const NUMBERS = /^(?:(?:0x[\da-f]+|0[0-7]*|[1-9]\d*)(?:\.(?!$)|$)){1,4}$/i

/** Answers with what the most obliging of parsers would take a host for. */
async function obliging(host: string): Promise<readonly string[]> {
  if (NUMBERS.test(host)) return addressesOf(host).catch(() => [])
  const repaired = URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : domainToASCII(host)
  const bare = repaired.replace(/^\[|\]$/g, '')
  return isIP(bare) === 0 ? [] : [bare]
}

/** Dials as whoever forgot to read the host strictly would; returns the refusal's kind. */
async function dialled(host: string, resolve: (host: string) => Promise<readonly string[]>): Promise<string> {
  const made = await dial({ host, port }, { elsewhere: [], resolve })
  if (made.ok) made.value.socket.destroy()
  return made.ok ? 'connected' : made.reason.kind
}

/** Returns the items of which a check does not hold, few at a time. */
async function failing(
  items: readonly string[],
  holds: (item: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const wrong: string[] = []
  for (let i = 0; i < items.length; i += 64) {
    const part = items.slice(i, i + 64)
    const checked = await Promise.all(part.map(holds))
    wrong.push(...part.filter((_, j) => checked[j] !== true))
  }
  return wrong
}

describe('addresses that no name may lead to', () => {
  it('S6: are many, and this machine’s are reached by their spellings where nobody judges', async () => {
    assert.ok(SPELLINGS.length >= 1_000 && ADDRESSES.length >= 400, `${SPELLINGS.length} and ${ADDRESSES.length}`)
    const before = reached
    const spellings = spellingsOf('127.0.0.1')
    await Promise.all(
      spellings.map(async (host) => {
        const socket = connect({ host, port }).on('error', () => undefined)
        await once(socket, 'close')
      }),
    )
    assert.ok(reached - before >= 100, `${reached - before} of ${spellings.length}`)
  })

  it('S6: in no spelling are an origin or an authority', () => {
    const read = SPELLINGS.filter(
      (text) =>
        readOrigin(`http://${text}:${port}`).ok || readOrigin(`https://${text}`).ok || readAuthority(text, 'http').ok,
    )
    assert.deepEqual(read, [])
    const bracketed = ADDRESSES.filter((address) => isIP(address) === 6).map((address) => `[${address}]`)
    const origins = bracketed.flatMap((text) => {
      const origin = readOrigin(`http://${text}`)
      return origin.ok ? [[origin.value.text, text]] : []
    })
    // What is read is one address in its one form, that a person wrote and nothing else is behind.
    for (const [text, written] of origins) assert.equal(text, `http://${written}`)
    assert.ok(origins.every(([text = '']) => !/\.|ffff|64:ff9b|2002:|%/.test(text)))
  })

  it('S6: in every spelling are reached by nobody who dials a name', async () => {
    const before = reached
    const names = SPELLINGS.filter((text) => isIP(text) === 0)
    assert.ok(names.length >= 1_000)
    const outcomes = new Map<string, number>()
    const wrong = await failing(names, async (host) => {
      const kind = await dialled(host, obliging)
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      return kind === 'refused' || kind === 'unreachable'
    })
    assert.deepEqual([wrong, reached - before], [[], 0])
    // Most of them were read as an address, and that one was judged.
    assert.ok((outcomes.get('refused') ?? 0) >= 1_000)
  })

  it('S6: as the answer to a name, alone or among public ones, behind aliases, in either order, are not reached', async () => {
    const before = reached
    const answers = (address: string): readonly (readonly string[])[] => [
      [address],
      ['8.8.8.8', address],
      [address, '8.8.8.8'],
      ['2606:4700::1111', '8.8.8.8', '9.9.9.9', address],
      ['8.8.8.8', '8.8.4.4', '9.9.9.9', '1.1.1.1', '1.0.0.1', '4.4.4.4', '5.5.5.5', '6.6.6.6', '7.7.7.7', address],
    ]
    const wrong = await failing(ADDRESSES, async (address) => {
      const kinds = await Promise.all(
        answers(address).map((answer) => {
          const aliases = new Map([
            ['a.example', 'b.example'],
            ['b.example', 'c.example'],
          ])
          const resolve = async (host: string): Promise<readonly string[]> => {
            const next = aliases.get(host)
            return next === undefined ? answer : resolve(next)
          }
          return dialled('a.example', resolve)
        }),
      )
      return kinds.every((kind) => kind === 'refused')
    })
    assert.deepEqual([wrong, reached - before], [[], 0])
  })

  it('S6: under this machine’s own names are not reached', async () => {
    const before = reached
    const { hostname } = process.getBuiltinModule('node:os')
    for (const host of ['localhost', 'ip6-localhost', hostname()]) {
      const kind = await dialled(host, addressesOf)
      assert.ok(kind === 'refused' || kind === 'unreachable', `${host}: ${kind}`)
    }
    assert.equal(reached, before)
  })

  it('S6: where a network of one’s own is meant, a name still leads to no metadata and no group', async () => {
    const never = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '192.0.0.192']
    const all = [...never, '224.0.0.1', '0.0.0.0'].flatMap((address) => [address, ...holding(address)])
    const v6 = ['fd00:ec2::254', 'fd20:ce::254', 'ff02::1', '::']
    // What Teredo holds is a server and a client; what has a prefix of its own in NAT64 is not unfolded.
    const unfolded = all.filter((address) => !/^2001:|^64:ff9b:1:abcd/.test(address))
    const wrong = await failing([...unfolded, ...v6], async (address) => {
      const made = await dial(
        { host: 'a.example', port: 9 },
        { elsewhere: [], mayBePrivate: true, resolve: async () => [address] },
      )
      return !made.ok && made.reason.kind === 'refused'
    })
    assert.deepEqual(wrong, [])
  })
})

/** Places that nobody granted, in every spelling; names that lead there, and answers that send there. */
import { isIP } from 'node:net'
import { holding, INNER_V4, INNER_V6, repairedTo, spellingsOf } from '../../kit/address-spellings.ts'
import { Random } from '../../policy/differential/random.ts'
import { ANSWERS } from '../answers.ts'
import { type CellSide, type Dialled, request, statusOf } from '../cell-side.ts'
import type { AttackKind } from '../kind.ts'
import { CERTIFIED_NAMES, certifiedName, LED, type Names, PLAIN } from '../outside.ts'

const FIXED_V4 = INNER_V4.slice(0, 23)

/** Says what was let through of requests that may not be. */
function granted(names: readonly string[], heard: readonly string[]): readonly string[] {
  return heard.flatMap((text, i) => (/^HTTP\/1\.1 2/m.test(text) ? [`${names[i]}: ${text.slice(0, 60)}`] : []))
}

const dialledAddresses: AttackKind = {
  name: 'addresses that are dialled',
  stops: 'every address leads to the gate, which knows declared origins alone; other ports have no listener',
  isQuick: true,
  run: async (cell) => {
    const places = [...FIXED_V4, '1.1.1.1', '8.8.8.8', PLAIN].flatMap((address): readonly Dialled[] => [
      { address, port: 80 },
      { address, port: 443, tls: {} },
      { address, port: 443, tls: { servername: 'api.far.example' } },
      ...[22, 81, 2375, 6443, 8080, 9200].map((port) => ({ address, port })),
    ])
    const heard = await cell.each(places, (to) =>
      cell.send(to, request('GET /latest/meta-data/ HTTP/1.1', [`host: ${to.address}`, 'metadata: true'])),
    )
    return {
      cases: places.length,
      reached: granted(
        places.map((each) => JSON.stringify(each)),
        heard,
      ),
    }
  },
}

const spelledHosts: AttackKind = {
  name: 'addresses in other spellings',
  stops: 'the host of a request, its target and the name in TLS are what was dialled, or 421',
  run: async (cell) => {
    const random = new Random(11)
    const to = await cell.at('plain.far.example', 'http')
    const texts = ['127.0.0.1', '169.254.169.254', '10.0.0.1'].flatMap((each) => [
      ...spellingsOf(each),
      ...repairedTo(each),
      ...holding(each).map((held) => `[${held}]`),
    ])
    const forms = texts.map((host) =>
      random.pick([
        request('GET /ok HTTP/1.1', [`host: ${host}`]),
        request(`GET http://${host}/ok HTTP/1.1`, ['host: plain.far.example']),
        request(`GET http://${host}/ok HTTP/1.1`, [`host: ${host}`]),
        request(`GET http://plain.far.example@${host}/ok HTTP/1.1`, ['host: plain.far.example']),
        request(`GET //${host}/ok HTTP/1.1`, ['host: plain.far.example']),
        request('GET /ok HTTP/1.1', ['host: plain.far.example', `x-forwarded-host: ${host}`, `host: ${host}`]),
      ]),
    )
    const heard = await cell.each(forms, (text) => cell.send(to, Buffer.from(text).toString('latin1')))
    return { cases: forms.length, reached: granted(forms, heard) }
  },
}

/** Answers of a resolver that send a name to where nobody may be sent. */
function hostileAnswers(): readonly (readonly (readonly string[])[])[] {
  const inner = [...FIXED_V4, ...FIXED_V4.flatMap((each) => holding(each)), ...INNER_V6].filter(
    (each) => isIP(each) !== 0 && !each.includes('%'),
  )
  const random = new Random(12)
  return inner.map((address) =>
    random.pick([[[address]], [[PLAIN, address]], [[address, PLAIN]], [[address, '10.0.0.2', 'fd00::1']]]),
  )
}

async function askLed(cell: CellSide, led: readonly number[]): Promise<readonly string[]> {
  return cell.each(led, async (i) => {
    const name = `led${i}.far.example`
    return cell.send(
      await cell.at(name, 'http'),
      request('GET /ok HTTP/1.1', [`host: ${name}`, 'connection: close']),
      'answer',
    )
  })
}

const resolvedNames: AttackKind = {
  name: 'names that lead to inner addresses, alone and among others',
  stops: 'all addresses of a name are judged before one is connected to (DI2, DI4)',
  isQuick: true,
  run: async (cell) => {
    const all = hostileAnswers()
    const reached: string[] = []
    for (let from = 0; from < all.length; from += LED) {
      const part = all.slice(from, from + LED)
      await cell.names(Object.fromEntries(part.map((answers, i) => [`led${i}.far.example`, answers])))
      const heard = await askLed(
        cell,
        part.map((_, i) => i),
      )
      reached.push(
        ...granted(
          part.map((each) => JSON.stringify(each)),
          heard,
        ),
      )
    }
    return { cases: all.length, reached }
  },
}

/** Kinds of addresses that no name leads to, not even one of its owner's network: who answers over TLS is not asked. */
const NEVER = [
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '224.0.0.1',
  '0.0.0.0',
]

const secureNames: AttackKind = {
  name: 'names over TLS that lead to what clouds tell, to groups, and to nowhere',
  stops: 'no name leads there, whoever declared it (DI4)',
  run: async (cell) => {
    const all = [
      // What Teredo holds is a server and a client; what has a prefix of its own in NAT64 is not unfolded.
      ...NEVER.flatMap((each) => [each, ...holding(each)]).filter((each) => !/^2001:|^64:ff9b:1:abcd|%/.test(each)),
      ...['fd00:ec2::254', 'fd20:ce::254', 'ff02::1', '::'],
    ]
    const names = Array.from({ length: CERTIFIED_NAMES }, (_, i) => certifiedName('hosts', i))
    const reached: string[] = []
    for (let from = 0; from < all.length; from += names.length) {
      const part = all.slice(from, from + names.length)
      await cell.names(Object.fromEntries(part.map((address, i) => [names[i] ?? '', [[address]]])))
      const heard = await cell.each(part, async (_, i) => {
        const host = names[i] ?? ''
        return cell.send(await cell.at(host), request('GET /ok HTTP/1.1', [`host: ${host}`, 'connection: close']))
      })
      reached.push(...granted(part, heard))
    }
    return { cases: all.length, reached }
  },
}

const rebinding: AttackKind = {
  name: 'names that change where they lead to',
  stops: 'a name is resolved once for each connection, and what was judged is connected to (DI1, DI3)',
  isQuick: true,
  run: async (cell) => {
    const inner = [
      '127.0.0.1',
      '169.254.169.254',
      '10.0.0.1',
      '::1',
      'fd00::1',
      '::ffff:10.0.0.1',
      '0.0.0.0',
      '192.168.1.1',
    ]
    const led = inner.slice(0, LED)
    const places = led.map((_, i) => i)
    const reached: string[] = []
    // Rebound when it is looked up again: the connection of the first answer is gone by then, or is used on.
    for (const before of [[[PLAIN]], [[PLAIN], [PLAIN]], [[PLAIN, '203.0.114.12']]]) {
      const names: Names = Object.fromEntries(led.map((to, i) => [`led${i}.far.example`, [...before, [to]]]))
      await cell.names(names)
      const first = await askLed(cell, places)
      reached.push(
        ...first.flatMap((text, i) => (statusOf(text) === 200 ? [] : [`control ${i}: ${text.slice(0, 90)}`])),
      )
      for (let again = 0; again < 3; again++) {
        // An answer after which the origin hangs up.
        await cell.names(Object.fromEntries(led.map((to, i) => [`led${i}.far.example`, [[to]]])))
        const after = await askLed(cell, places)
        reached.push(...after.flatMap((text, i) => (/reached/.test(text) ? [`led${i} leads to ${led[i]}`] : [])))
      }
    }
    return { cases: led.length * 9, reached }
  },
}

const redirects: AttackKind = {
  name: 'answers that send elsewhere',
  stops: 'a redirect is an answer (DI8); whoever follows it dials the gate again',
  run: async (cell) => {
    const api = await cell.at('plain.far.example', 'http')
    const all = ANSWERS.flatMap((each, i) => (each.kind === 'redirect' ? [{ ...each, i }] : []))
    const heard = await cell.each(all, async ({ i, bytes }) => {
      const first = await cell.send(
        api,
        request(`GET /answer/${i} HTTP/1.1`, ['host: plain.far.example', 'connection: close']),
      )
      const host = /\/\/\[?([\d.]+|evil\.far\.example)(?=[\]/:])/.exec(bytes)?.[1]
      if (host === undefined || (isIP(host) === 0 && !host.includes('evil')) || first.includes('reached')) return first
      const address = isIP(host) === 4 ? host : await cell.addressOf(host)
      return cell.send({ address, port: 80 }, request('GET / HTTP/1.1', [`host: ${host}`, 'connection: close']))
    })
    return {
      cases: all.length,
      reached: heard.flatMap((text, i) => (/reached/.test(text) ? [`${all[i]?.name}`] : [])),
    }
  },
}

/** Whom a request says that it is for, where the program has dialled another one. */
const disagreements: AttackKind = {
  name: 'names that disagree: dialled, in TLS, in Host, in the target (fronting)',
  stops: 'what was dialled, the name in TLS and the host of each request are one, or 421 (WD1)',
  run: async (cell) => {
    const names = [
      'api.far.example',
      'plain.far.example',
      'led0.far.example',
      'evil.far.example',
      '203.0.114.10',
      'localhost',
    ]
    const hosts = [
      ...names,
      ...[
        'api.far.example.',
        'api.far.example:80',
        'api.far.example:443:443',
        'api.far.example:0443',
        'api.far.example:',
      ],
      ...[
        'user@api.far.example',
        'api.far.example/',
        'api.far.example, evil.far.example',
        'api.far.example\t.evil',
        '',
      ],
      ...[
        'ap\u0131.far.example',
        'api.far.example%00.evil',
        'xn--pi-7ed.far.example',
        'api。far.example',
        '*.far.example',
      ],
    ]
    const cases: { readonly to: Dialled; readonly text: string }[] = []
    for (const dialled of names) {
      const address = /^\d/.test(dialled) ? dialled : await cell.addressOf(dialled)
      for (const secured of ['api.far.example', 'evil.far.example', 'led0.far.example', undefined])
        for (const host of hosts) {
          // Who names none in TLS is taken by what was dialled.
          const isOne = dialled === (secured ?? dialled) && host.replace(/:443$/, '') === dialled
          if (isOne) continue
          const tls = secured === undefined ? {} : { servername: secured }
          cases.push({ to: { address, port: 443, tls }, text: request('GET /ok HTTP/1.1', [`host: ${host}`]) })
        }
      for (const host of hosts)
        if (host !== dialled)
          cases.push({ to: { address, port: 80 }, text: request('GET /ok HTTP/1.1', [`host: ${host}`]) })
    }
    const heard = await cell.each(cases, ({ to, text }) => cell.send(to, Buffer.from(text).toString('latin1')))
    return {
      cases: cases.length,
      reached: granted(
        cases.map(({ to, text }) => `${JSON.stringify(to)} ${JSON.stringify(text)}`),
        heard,
      ),
    }
  },
}

export const PLACES: readonly AttackKind[] = [
  dialledAddresses,
  spelledHosts,
  resolvedNames,
  secureNames,
  rebinding,
  redirects,
  disagreements,
]

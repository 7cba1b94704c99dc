/** Requests that others have collected (http-desync-guardian's YAML, http-garden's trophies), where they are here. */
import { parse } from 'yaml'
import { absent, suiteFiles } from '../../kit/suites.ts'
import { statusOf } from '../cell-side.ts'
import type { AttackKind } from '../kind.ts'

const HOST = 'plain.far.example'
const SECOND = `GET /evil HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`
const STOPS = 'refused at the door, or sent on in framing of our own (WD4)'

interface GuardianCase {
  readonly name: string
  readonly uri?: string
  readonly method?: string
  readonly version?: string
  readonly headers?: readonly { readonly name: string; readonly value?: string | number }[] | null
  readonly expected: { readonly tier: string }
}

/** Returns a target that is granted for the method, where the case is about something else. */
function targetOf({ uri = '', method }: GuardianCase): string {
  if (!/^\/(?:foo\/bar)?$/.test(uri)) return uri
  return method === 'PUT' ? '/up/a' : '/ok'
}

function bytesOf(one: GuardianCase): string {
  const headers = (one.headers ?? []).map(({ name, value = '' }) => `${name}: ${value}`)
  const host = headers.some((line) => /^host:/i.test(line)) ? [] : [`host: ${HOST}`]
  const version = one.version ? ` ${one.version}` : ''
  return [`${one.method} ${targetOf(one)}${version}`, ...host, ...headers, '', SECOND].join('\r\n')
}

const guardian: AttackKind = {
  name: 'http-desync-guardian',
  stops: STOPS,
  run: async (cell) => {
    const suite = suiteFiles('aws', 'http-desync-guardian')
    if (suite === undefined) return { cases: 0, skipped: absent('aws', 'http-desync-guardian') }
    const all = [...suite('tests')].flatMap(([file, bytes]) =>
      // By its README.
      file.endsWith('.yaml') ? ((parse(bytes.toString('utf8')) as readonly GuardianCase[] | null) ?? []) : [],
    )
    const to = await cell.at(HOST, 'http')
    const heard = await cell.each(all, (one) => cell.send(to, bytesOf(one)))
    return {
      cases: all.length,
      reached: all.flatMap(({ name, expected }, i) =>
        expected.tier === 'Severe' && statusOf(heard[i] ?? '') < 400 ? [`${name}: ${heard[i]?.slice(0, 60)}`] : [],
      ),
    }
  },
}

/** Returns the bytes of a text with the escapes of Python, one byte a character. */
function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-fA-F]{2})|([rnt0\\]))/g, (_, hex: string | undefined, letter: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    return { r: '\r', n: '\n', t: '\t', 0: '\0', '\\': '\\' }[letter] ?? ''
  })
}

/** Returns a payload as it could be meant for our origin: its target and host are ones that are granted. */
function aimed(payload: string): string {
  const line = payload.replace(/^(\S+) \/\S*/, '$1 /ok')
  if (/\r\nhost:/i.test(line)) return line.replaceAll(/(\r\nhost:[ \t]*)[^\r\n]*/gi, `$1${HOST}`)
  return line.replace('\r\n', `\r\nHost: ${HOST}\r\n`)
}

const garden: AttackKind = {
  name: 'http-garden',
  stops: STOPS,
  run: async (cell) => {
    const suite = suiteFiles('narfindustries', 'http-garden')
    if (suite === undefined) return { cases: 0, skipped: absent('narfindustries', 'http-garden') }
    const text = suite('').get('TROPHIES.md')?.toString('utf8') ?? ''
    const payloads = [...text.matchAll(/^\s*- Payloads?: `(.+?)`\s*$/gm)].map(([, payload = '']) => unescaped(payload))
    const all = [...new Set(payloads.flatMap((payload) => [payload, aimed(payload), aimed(payload) + SECOND]))]
    const to = await cell.at(HOST, 'http')
    await cell.each(all, (bytes) => cell.send(to, bytes))
    return { cases: all.length }
  },
}

export const FETCHED: readonly AttackKind[] = [guardian, garden]

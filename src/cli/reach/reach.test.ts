import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { repository } from '../../../test/kit/command-line.ts'
import { firebreakHere } from '../../../test/kit/firebreak-here.ts'
import { parseHere } from '../../../test/kit/parse-policies.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { loadConfig } from '../../config/load.ts'
import { reachText } from '../../control/reach-text.ts'
import { type Judged, judgeConfig } from '../../host/prepare/setup.ts'
import { type AgentReach, agentReach } from '../../host/reach/reach.ts'
import { configDiff } from '../../host/reach/reach-diff.ts'
import { agentName } from '../../model/index.ts'
import { reachDot } from './dot.ts'
import { reachGraph } from './graph.ts'
import { reachSvg } from './svg.ts'

const DESK = join(repository, 'examples/refund-desk')

describe('firebreak reach', () => {
  it('S6: tells the worst case of the refund desk as text, as JSON, as DOT and as a picture', async () => {
    const svg = join(temporaryDirectory(), 'desk.svg')
    const config = ['--config', join(DESK, 'firebreak.yaml')]
    const [text, json, dot] = await Promise.all([
      firebreakHere(['reach', 'desk', ...config, '--svg', svg]),
      firebreakHere(['reach', 'desk', ...config, '--json']),
      firebreakHere(['reach', 'desk', ...config, '--dot']),
    ])
    assert.deepEqual([text.code, json.code, dot.code], [0, 0, 0], text.stderr)
    assert.match(text.stdout, /^SPENDS at most 100\.00 EUR in any 24 hours$/m)
    assert.match(text.stdout, /^ +\$\.account: only what the task or a trusted field names$/m)
    assert.match(
      text.stdout,
      /^ {2}confidential:customers \+ untrusted MEET at payments-test\/refunds\.create \(spend\)$/m,
    )
    assert.ok(text.stdout.split('\n').length < 60, 'a person reads it in a minute')
    const reach = JSON.parse(json.stdout.trim())
    assert.deepEqual(reach.spend, [{ currency: 'EUR', perDay: '100.00' }])
    assert.deepEqual(
      reach.upstreams.map((each: { name: string }) => each.name),
      ['fetcher', 'payments-test'],
      'production is not in it',
    )
    assert.match(dot.stdout, /"upstream payments-test" -> "payments-test\/refunds\.create"/)
    wellFormed(readFileSync(svg, 'utf8'))
  })

  it('--diff exits 0 where nothing widens and 4 where something does, and says it in words', async () => {
    const directory = temporaryDirectory()
    cpSync(DESK, directory, { recursive: true })
    const [old, wide] = [join(directory, 'firebreak.yaml'), join(directory, 'wide.yaml')]
    const yaml = readFileSync(old, 'utf8')
    writeFileSync(
      wide,
      yaml.replace('decimal("50.00")', 'decimal("500.00")').replace('spend: 100 EUR/day', 'spend: 1000 EUR/day'),
    )
    const [wider, narrower] = await Promise.all([
      firebreakHere(['reach', '--diff', old, wide]),
      firebreakHere(['reach', '--diff', wide, old, '--agent', 'desk', '--json']),
    ])
    assert.deepEqual([wider.code, narrower.code], [4, 0], wider.stderr + narrower.stderr)
    assert.match(
      wider.stdout,
      /^desk: becomes possible\n {2}\+ payments-test\/refunds\.create is permitted if .*500\.00.*; it was only if .*"50\.00"/m,
    )
    assert.equal(JSON.parse(narrower.stdout.trim()).widens, false)
  })
})

describe('S6: the hosts that a relay reaches', async () => {
  const directory = temporaryDirectory()
  cpSync(DESK, directory, { recursive: true })
  const yaml = readFileSync(join(directory, 'firebreak.yaml'), 'utf8')
  const judged = async (changes: readonly (readonly [string, string])[]): Promise<Judged> => {
    const file = join(directory, 'changed.yaml')
    for (const [from] of changes) assert.ok(yaml.includes(from), from)
    writeFileSync(
      file,
      changes.reduce((text, [from, to]) => text.replace(from, to), yaml),
    )
    const loaded = await loadConfig(file, { node: process.execPath })
    const result = loaded.ok ? await judgeConfig(loaded.value, undefined, parseHere) : loaded
    if (!result.ok) assert.fail(JSON.stringify(result.reason))
    return result.value
  }
  const [docs, files] = ['https://docs.example', 'http://files.example:8080']
  const egress = (...origins: string[]) => ['  test:\n', `  test:\n    egress: [${origins.join(', ')}]\n`] as const
  const ungranted = ['      - upstream: fetcher\n        tools: [fetch]\n        expires: 8h\n', ''] as const
  const elsewhere = ['production: {}', 'production: { egress: [https://bank.example] }'] as const
  const shut = await judged([])
  const open = await judged([egress(docs, files), elsewhere])
  const desk = agentName('desk')
  const reachOf = (config: Judged): AgentReach => agentReach(config, desk) ?? assert.fail('no desk')
  const diff = (before: Judged, after: Judged, of = 'desk') =>
    configDiff(before, after)
      .filter(({ agent }) => agent === of)
      .flatMap(({ changes }) => changes)
      .filter(({ text }) => /\breaches\b/.test(text))
      .map(({ widens, about, text }) => `${widens ? '+' : '-'} ${about} ${text}`)

  it('are in its text, of its own environment and no other; without egress it has no way out', () => {
    const text = reachText(reachOf(open)).join('\n')
    assert.match(
      text,
      /^RELAYS.*\n {2}fetcher, by fetch:\n {4}http:\/\/files\.example:8080\n {4}https:\/\/docs\.example\n\n/m,
    )
    assert.match(text, /^fetcher · test · .*, in a cell without network but a way to its egress$/m)
    assert.doesNotMatch(text, /bank\.example/)
    const none = reachText(reachOf(shut)).join('\n')
    assert.match(none, /^fetcher · test · .*, in a cell without network$/m)
    assert.doesNotMatch(none, /^RELAYS/m)
  })

  it('are in its JSON', () => {
    const told = (config: Judged) => reachOf(config).upstreams.map(({ name, egress: origins }) => [name, origins])
    assert.deepEqual(told(open), [
      ['fetcher', [files, docs]],
      ['payments-test', []],
    ])
    assert.deepEqual(told(shut).flat(2), ['fetcher', 'payments-test'])
  })

  it('are in its pictures, with what leads there', () => {
    const dot = reachDot(reachGraph(reachOf(open)))
    for (const origin of [docs, files]) assert.ok(dot.includes(`"fetcher/fetch" -> "egress ${origin}"`), dot)
    const svg = reachSvg(reachGraph(reachOf(open)))
    for (const origin of [docs, files]) assert.ok(svg.includes(`>${origin}<`))
    wellFormed(svg)
  })

  it('are told when they become more, by egress, by a grant, or with a new agent; and when they become fewer', async () => {
    const fewer = await judged([egress(docs)])
    assert.deepEqual(diff(fewer, open), [`+ fetcher reaches ${files} on its word`])
    assert.deepEqual(diff(open, fewer), [`- fetcher no longer reaches ${files} on its word`])
    const without = await judged([egress(docs), ungranted])
    assert.deepEqual(diff(without, fewer), [`+ fetcher reaches ${docs} on its word`])
    const clerk =
      'owner: a@shop.example, environment: test, grants: [{ upstream: fetcher, tools: [fetch], expires: 8h }]'
    const more = await judged([egress(docs), ['agents:\n', `agents:\n  clerk: { ${clerk} }\n`]])
    assert.deepEqual(diff(fewer, more, 'clerk'), [`+ fetcher reaches ${docs} on its word`])
    const relaysNoMore = await judged([egress(docs), ['    relay: true\n', '']])
    assert.deepEqual(diff(relaysNoMore, fewer), [`+ fetcher reaches ${docs} on its word`])
    assert.deepEqual(diff(open, open), [])
  })
})

describe('a reach whose names are hostile', () => {
  const evil = `x"><script>alert('1')</script>\\"];evil -> me;//\u202e\u001b[2J\n&amp;`
  const reach = hostile(evil)

  it('is text in which nothing moves the cursor', () => {
    const text = reachText(reach).join('\n')
    assert.ok(text.includes('script'))
    assert.doesNotMatch(text, /\p{Cf}|(?!\n)\p{Cc}/u)
  })

  it('is XML in which every name is text', () => {
    const svg = reachSvg(reachGraph(reach))
    wellFormed(svg)
    assert.doesNotMatch(svg, /<script|\p{Cf}|(?!\n)\p{Cc}/u)
    assert.ok(svg.includes('&#60;script&#62;'))
  })

  it('is DOT in which every name stands in its quotes', () => {
    const dot = reachDot(reachGraph(reach))
    const bare = dot.replaceAll(/"(?:[^"\\]|\\.)*"/g, 'Q')
    assert.doesNotMatch(bare, /evil|script|"/)
    for (const line of bare.trimEnd().split('\n').slice(3, -1)) {
      assert.match(line, /^ {2}(?:Q \[label=Q, fillcolor=Q\];|\{ rank=same;(?: Q;)* \}|Q -> Q \[[a-z=Q, ]+\];)$/)
    }
  })
})

/** Every text that a configuration can bring, the same hostile one. */
function hostile(evil: string): AgentReach {
  const id = `up/${evil}`
  const source = { file: evil, line: 1, column: 1 }
  // Names as a configuration would have checked them, and further than it would let them.
  return {
    agent: 'desk',
    owner: evil,
    environment: 'test',
    hardened: false,
    delegates: [],
    operations: [
      {
        id,
        upstream: 'up',
        tool: evil,
        effect: 'write',
        permits: [{ grant: 'g_desk', source, when: evil }],
        forbids: [{ policy: evil, source, text: evil }],
        spend: [],
        perDay: {},
        arguments: [{ path: '$.to', leads: 'named', values: [evil] }],
        accepts: [],
        returns: [],
        masked: ['$.x'],
        carries: [[]],
      },
    ],
    idle: [{ id, why: evil }],
    spend: [],
    perDay: {},
    labels: [{ label: 'untrusted', from: [id] }],
    crossings: [{ label: 'untrusted', from: [id], to: id }],
    trusted: [{ id, paths: ['$'] }],
    cell: {
      root: evil,
      workspace: evil,
      labels: [],
      files: [{ at: evil, from: evil }],
      env: [evil],
      wallMs: 1,
      grantsMs: 1,
    },
    upstreams: [{ name: 'up', environment: 'test', where: evil, egress: [evil], remote: true, secrets: [evil] }],
    remoteRelays: [{ upstream: 'up', operations: [id] }],
  } as unknown as AgentReach
}

/** Elements that close, attributes without markup, text without any. */
function wellFormed(xml: string): void {
  const open: string[] = []
  const token = /<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<&]*")*)(\/?)>|[^<>&]+|&#\d+;/gy
  let at = 0
  for (let match = token.exec(xml); match !== null; match = token.exec(xml)) {
    at = token.lastIndex
    const [, closes, name = '', , empty] = match
    if (name === '') continue
    if (closes === '/') assert.equal(open.pop(), name)
    else if (empty !== '/') open.push(name)
  }
  assert.equal(at, xml.length, `not XML at: ${xml.slice(at, at + 60)}`)
  assert.deepEqual(open, [])
}

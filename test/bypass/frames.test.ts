/** What two readers could read differently, and what refers to something that is over: refused, not repaired. */
import type { JsonObject } from '../../src/model/index.ts'
import { startGateway } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, initialize, MODERN_META, modern, modernHeaders, post, rpc } from '../kit/wire.ts'
import { type Case, corpus, type Must } from './corpus.ts'

const text = { type: 'string' }
const PAY: JsonObject = {
  type: 'object',
  properties: {
    to: text,
    amount: {},
    currency: {},
    count: { type: 'integer' },
    lines: { type: 'array', items: { type: 'object', properties: { sku: text } } },
  },
}
const book: string[] = []
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('pay', { inputSchema: PAY }), tool('note', { inputSchema: PAY })],
  onCall: ({ name, args, params }) => {
    book.push(JSON.stringify([name, args, params]))
    return textResult('done')
  },
})
const gateway = await startGateway({
  upstreams: {
    bank: {
      mcp: { url: upstream.url },
      tools: {
        pay: { effect: 'spend', amount: '$.amount', currency: '$.currency', content: ['$'], accepts: ['untrusted'] },
        note: 'write',
      },
    },
  },
  agents: {
    alpha: {
      grants: [{ upstream: 'bank', tools: ['pay', 'note'], budget: { spend: '100 EUR/day' }, expires: '8h' }],
    },
    beta: { grants: [{ upstream: 'bank', tools: ['note'], expires: '8h' }] },
  },
})
const cell = await gateway.admit('alpha')
const url = cell.url('bank')
const session = await initialize(url)
const foreign = await gateway.admit('beta')
const stolen = await initialize(foreign.url('bank'))
const ended = await initialize(url)
await post(url, '', { method: 'DELETE', headers: ended })

const META = JSON.stringify(MODERN_META)
const frame = (args: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"note","arguments":${args},"_meta":${META}}}`
const send = (body: string | Uint8Array) => post(url, body, { headers: modernHeaders('tools/call', { name: 'note' }) })
const PLAIN = frame('{"to":"GOOD"}')

/** A table of frames: what the attacker does, and the bytes. */
const frames = (attack: Case['attack'], lines: readonly (readonly [string, string | Uint8Array])[]): readonly Case[] =>
  lines.map(([does, body]) => ({ attack, does, must: 'refused', try: () => send(body) }))

const duplicates = frames('duplicate keys', [
  ['an argument, the good one first', frame('{"to":"GOOD","to":"EVIL"}')],
  ['an argument, the good one last', frame('{"to":"EVIL","to":"GOOD"}')],
  ['an argument three times', frame('{"to":"GOOD","to":"EVIL","to":"GOOD"}')],
  ['an argument twice the same', frame('{"to":"GOOD","to":"GOOD"}')],
  ['one of the two escaped', frame('{"to":"GOOD","\\u0074o":"EVIL"}')],
  ['both escaped', frame('{"\\u0074o":"GOOD","t\\u006f":"EVIL"}')],
  ['with others between', frame('{"to":"GOOD","amount":1,"currency":"EUR","to":"EVIL"}')],
  ['with spaces around', frame('{"to" : "GOOD" ,\n"to"\t: "EVIL"}')],
  ['within a list', frame('{"lines":[{"sku":"a","sku":"b"}]}')],
  ['of different kinds', frame('{"to":"GOOD","to":{"a":1}}')],
  ['one of them null', frame('{"to":"GOOD","to":null}')],
  ['behind a text that looks like one', frame('{"to":"\\"to\\":","to":"EVIL"}')],
  ['__proto__ beside it', frame('{"to":"GOOD","__proto__":{"to":"EVIL"}}')],
  ['the arguments', PLAIN.replace('"_meta"', '"arguments":{"to":"EVIL"},"_meta"')],
  ['the name of the tool', PLAIN.replace('"name":"note"', '"name":"note","name":"pay"')],
  ['the params', PLAIN.replace('"params"', '"params":{"name":"pay"},"params"')],
  ['the method', PLAIN.replace('"method":"tools/call"', '"method":"ping","method":"tools/call"')],
  ['the id', PLAIN.replace('"id":1', '"id":1,"id":2')],
  ['the version', PLAIN.replace('{"jsonrpc":"2.0"', '{"jsonrpc":"2.0","jsonrpc":"1.0"')],
  ['within _meta', PLAIN.replace('"_meta":{', '"_meta":{"a":1,"a":2,')],
])

const numbers = frames(
  'integers over 2^53',
  [
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '9007199254740993.0',
    '9.007199254740993e15',
    '9007199254740993E0',
    '900719925474099300e-2',
    '18446744073709551616',
    '9223372036854775807',
    '1e21',
    '1e309',
    '-1e309',
    '123456789012345678901234567890',
  ].map((number) => [`${number} as an argument`, frame(`{"count":${number}}`)] as const),
)
const numbersElsewhere = frames('integers over 2^53', [
  ['in a list', frame('{"lines":[9007199254740993]}')],
  ['as the id', PLAIN.replace('"id":1', '"id":9007199254740993')],
  ['within _meta', PLAIN.replace('"_meta":{', '"_meta":{"a":9007199254740993,')],
  ['with a plus', frame('{"count":+1}')],
  ['with a leading zero', frame('{"count":010}')],
  ['in hexadecimal', frame('{"count":0x10}')],
  ['with a separator', frame('{"count":1_000}')],
  ['as a big integer', frame('{"count":1n}')],
  ['as Infinity', frame('{"count":Infinity}')],
])

const bytesOf = (before: string, ...middle: readonly number[]) => {
  const [head = '', tail = ''] = frame(`{"to":"${before}|"}`).split('|')
  return Buffer.concat([Buffer.from(head), Buffer.from(middle), Buffer.from(tail)])
}
const surrogates = frames('lone surrogates', [
  ['a high one', frame('{"to":"GOOD\\ud800"}')],
  ['a low one', frame('{"to":"GOOD\\udc00"}')],
  ['a pair the wrong way round', frame('{"to":"\\udc00\\ud800"}')],
  ['a high one before a letter', frame('{"to":"\\ud83dx"}')],
  ['two high ones', frame('{"to":"\\ud83d\\ud83d"}')],
  ['in the name of an argument', frame('{"to\\ud800":"GOOD"}')],
  ['within a list', frame('{"lines":[{"sku":"\\udfff"}]}')],
  ['in the name of the tool', PLAIN.replace('"note"', '"note\\ud800"')],
  ['in the id', PLAIN.replace('"id":1', '"id":"\\ud800"')],
  ['within _meta', PLAIN.replace('"_meta":{', '"_meta":{"a":"\\ud800",')],
  ['as bytes of CESU-8', bytesOf('GOOD', 0xed, 0xa0, 0x80)],
  ['a pair as bytes of CESU-8', bytesOf('GOOD', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)],
  ['an overlong slash', bytesOf('GOOD', 0xc0, 0xaf)],
  ['an overlong quote', bytesOf('GOOD', 0xe0, 0x80, 0xa2)],
  ['a zero as two bytes', bytesOf('GOOD', 0xc0, 0x80)],
  ['half a character', bytesOf('GOOD', 0xf0, 0x9f, 0x98)],
  ['a point past Unicode', bytesOf('GOOD', 0xf4, 0x90, 0x80, 0x80)],
  ['a byte of Latin-1', bytesOf('GOOD', 0xe9)],
])

const nested: readonly Case[] = frames('nested JSON in strings', [
  ['the arguments as a text', frame('"{\\"to\\":\\"EVIL\\"}"')],
  ['the arguments as a list', frame('[{"to":"EVIL"}]')],
  ['a list of lines as a text', frame('{"lines":"[{\\"sku\\":\\"a\\"}]"}')],
  ['a line as a text', frame('{"lines":["{\\"sku\\":\\"a\\"}"]}')],
  ['a number as a text', frame('{"count":"5"}')],
  ['a text as an object', frame('{"to":{"$ref":"#/EVIL"}}')],
  ['the whole request as a text', JSON.stringify(PLAIN)],
  ['a request within a list', `[${PLAIN}]`],
]).map((each, i) =>
  i < 2 ? { ...each, unrecorded: 'arguments that are no object are a fault of the protocol' } : each,
)

/** Amounts in which a reader could see another one. */
const AMOUNTS: readonly (readonly [string, JsonObject])[] = [
  ['an exponent in a text', { amount: '1e2', currency: 'EUR' }],
  ['an exponent that reaches zero', { amount: '5e-9', currency: 'EUR' }],
  ['hexadecimal in a text', { amount: '0x10', currency: 'EUR' }],
  ['a space before', { amount: ' 5', currency: 'EUR' }],
  ['a space after', { amount: '5 ', currency: 'EUR' }],
  ['a plus', { amount: '+5', currency: 'EUR' }],
  ['a minus', { amount: '-5', currency: 'EUR' }],
  ['a negative number', { amount: -5, currency: 'EUR' }],
  ['minus zero', { amount: '-0', currency: 'EUR' }],
  ['a minus of typography', { amount: '−5', currency: 'EUR' }],
  ['full-width digits', { amount: '５', currency: 'EUR' }],
  ['Arabic digits', { amount: '٥', currency: 'EUR' }],
  ['a comma', { amount: '5,00', currency: 'EUR' }],
  ['a separator of thousands', { amount: '1.000,00', currency: 'EUR' }],
  ['an underscore', { amount: '1_0', currency: 'EUR' }],
  ['a leading zero', { amount: '05', currency: 'EUR' }],
  ['places that nobody counts', { amount: '5.00001', currency: 'EUR' }],
  ['a number that a double rounds', { amount: 5_000_000_000_000.01, currency: 'EUR' }],
  ['an integer past 2^53 in a text', { amount: '9007199254740993', currency: 'EUR' }],
  ['Infinity', { amount: 'Infinity', currency: 'EUR' }],
  ['an empty text', { amount: '', currency: 'EUR' }],
  ['a list', { amount: [5], currency: 'EUR' }],
  ['an object', { amount: { value: 5 }, currency: 'EUR' }],
  ['null', { amount: null, currency: 'EUR' }],
  ['true', { amount: true, currency: 'EUR' }],
  ['none', { currency: 'EUR' }],
  ['no currency', { amount: '5' }],
  ['another currency', { amount: '5', currency: 'USD' }],
  ['a currency in small letters', { amount: '5', currency: 'eur' }],
  ['a currency with a look-alike', { amount: '5', currency: 'ЕUR' }],
  ['a currency with a space', { amount: '5', currency: 'EUR ' }],
  ['a list of currencies', { amount: '5', currency: ['EUR'] }],
]
const amounts = AMOUNTS.map(
  ([does, args]): Case => ({
    attack: 'integers over 2^53',
    does: `an amount that is ${does}`,
    must: 'refused',
    try: () => call(url, 'pay', args),
  }),
)

const named = (name: string) => ({ 'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=` })
const names = [
  'Note',
  'NOTE',
  ' note',
  'note ',
  'note\u0000',
  'note\u007f',
  'note\n',
  'note\u200b',
  'no\u00adte',
  'ｎote',
  'nоte',
  'note\u0301',
  'note\u{e0020}',
  '\u202eeton',
  'tool:note',
  'bank__note',
  'bank/note',
  './note',
  '../bank/note',
  '%6eote',
  'bm90ZQ==',
  'abgr',
  '["note"]',
  '{"name":"note"}',
  'note;pay',
  'constructor',
  '__proto__',
  'toString',
  '',
  'n'.repeat(300),
].map(
  (name): Case => ({
    attack: 'look-alike text',
    does: `calls the tool ${JSON.stringify(name.slice(0, 20))}`,
    must: 'refused',
    try: () => modern(url, 'tools/call', { name, arguments: {} }, { headers: named(name) }),
  }),
)
const upstreams = ['payments', 'bank2', 'xn--bank', 'firebreak'].map(
  (name): Case => ({
    attack: 'look-alike text',
    does: `calls the tool of the upstream "${name}"`,
    must: 'refused',
    try: () => call(cell.url(name), 'note', {}),
  }),
)
const hosts = [
  'gооd.example',
  'localhost.evil.example',
  'xn--lcalhost-x8a',
  '127.0.0.1.evil.example',
  'localhost.',
  '①②⑦.⓪.⓪.①',
].map(
  (host): Case => ({
    attack: 'look-alike text',
    does: `says that it came to ${host}`,
    must: 'refused',
    try: () => modern(url, 'tools/list', {}, { headers: { origin: `http://${encodeURI(host)}` } }),
  }),
)

const NO_TASKS = 'tasks are not passed on: whatever refers to one is a method or a member that this protocol here lacks'
const stale: readonly Case[] = [
  ...['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/list', 'tasks/update', 'completion/complete'].map(
    (method): Case => ({
      attack: 'stale task handles',
      does: `asks ${method} for a task of yesterday`,
      must: 'refused',
      try: () => modern(url, method, { taskId: '786512e2-9e0d-44bd-8f29-789f320fe840' }),
      unrecorded: NO_TASKS,
    }),
  ),
  ...['task', 'taskId', 'inputResponses', 'requestState', 'cursor', 'hold', 'approval'].map(
    (member): Case => ({
      attack: 'stale task handles',
      does: `says "${member}" beside the arguments`,
      must: 'refused',
      try: () => modern(url, 'tools/call', { name: 'note', arguments: {}, [member]: { taskId: 'a' } }),
      unrecorded: NO_TASKS,
    }),
  ),
  ...(
    [
      ['of another cell', stolen],
      ['that has ended', ended],
      ['that never was', { ...session, 'mcp-session-id': '00000000-0000-4000-8000-000000000000' }],
      ['with a zero byte’s escape behind it', { ...session, 'mcp-session-id': `${session['mcp-session-id']}%00` }],
      ['in capitals', { ...session, 'mcp-session-id': String(session['mcp-session-id']).toUpperCase() }],
    ] as const
  ).map(
    ([which, headers]): Case => ({
      attack: 'stale task handles',
      does: `uses a session ${which}`,
      must: 'refused',
      try: () => post(url, rpc('tools/call', { name: 'note', arguments: {} }), { headers }),
      unrecorded: 'a session that this listener does not know is a fault of the protocol: the request is not read',
    }),
  ),
  ...(['io.modelcontextprotocol/related-task', 'dev.firebreak/hold', 'task'] as const).map(
    (key): Case => ({
      attack: 'stale task handles',
      does: `names a task in _meta, as "${key}"`,
      must: 'contained',
      smuggled: 'STALE-1',
      try: () => call(url, 'note', { to: 'GOOD' }, { meta: { [key]: { taskId: 'STALE-1' } } }),
    }),
  ),
]

const control = (does: string, must: Must, body: string): Case => ({
  attack: 'duplicate keys',
  does,
  must,
  smuggled: 'EVIL',
  try: () => send(body),
})

await corpus('frames', { gateway, book: () => book }, [
  control('control: the frame without them', 'contained', PLAIN),
  ...duplicates,
  ...numbers,
  ...numbersElsewhere,
  ...amounts,
  ...surrogates,
  ...nested,
  ...names,
  ...upstreams,
  ...hosts,
  ...stale,
])

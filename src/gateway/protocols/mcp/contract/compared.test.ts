/** Tests of an upstream's offer beside what was accepted of it. */
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type CatalogueTool,
  environmentName,
  type JsonObject,
  LIMITS,
  parseExactJson,
  type ToolName,
  toolName,
  upstreamName,
} from '../../../../model/index.ts'
import { cutsTold } from '../../../content/cuts-told.ts'
import type { UpstreamConnection } from '../server/connection.ts'
import { readMessage, sentFrom } from '../server/upstream-request.ts'
import { definitionDigest, promptDefinition } from './definition.ts'
import { McpUpstream } from './upstream.ts'

const STOCK: JsonObject = {
  name: 'stock',
  description: 'Stock of the shop at 10:00',
  inputSchema: { type: 'object', properties: { q: { type: 'string', description: 'at 10:00' } }, required: ['q'] },
}

const later = (text: string) => text.replaceAll('10:00', '10:01')
const STOCK_LATER = JSON.parse(later(JSON.stringify(STOCK))) as JsonObject

function known(definition: JsonObject, anyWords = false, prefix = ''): [ToolName, CatalogueTool] {
  const name = toolName(`${prefix}${String(definition.name)}`)
  const digest = definitionDigest(definition, anyWords)
  return [
    name,
    { declared: { name, effect: 'read' }, pinned: { name, definition, digest, ...(anyWords && { anyWords }) } },
  ]
}

/** An upstream that answers lists in these very bytes. */
async function compared(tools: readonly [ToolName, CatalogueTool][], lists: Readonly<Record<string, string>>) {
  const seen: string[] = []
  const cuts: string[] = []
  const unused = () => assert.fail('not used')
  const listeners: ((list: 'tools' | 'prompts' | 'resources') => void)[] = []
  const now = { ...lists }
  const connection: UpstreamConnection = {
    name: upstreamName('shop'),
    capabilities: Object.fromEntries(Object.keys(lists).map((list) => [list, {}])),
    instructions: undefined,
    revision: '2025-06-18',
    closed: false,
    ask: async (method) => {
      const bytes = Buffer.from(
        `{"jsonrpc":"2.0","id":1,"result":{"${method.replace('/list', '')}":${now[method.replace('/list', '')]}}}`,
      )
      const read = readMessage(bytes)
      if (!read.ok || read.value.kind !== 'response') return { kind: 'unreadable', why: read.ok ? '' : read.reason }
      return sentFrom(read.value, bytes)
    },
    prepare: unused,
    onListChanged: (listener) => void listeners.push(listener),
    retire: () => undefined,
    close: () => undefined,
  }
  const upstream = new McpUpstream({
    name: upstreamName('shop'),
    environment: environmentName('test'),
    tools: new Map(tools),
    connect: async () => connection,
    onDefinition: (tool, { words }, problem) => seen.push(`${tool}: ${problem}${words ? ' in words' : ''}`),
    onCut: (list, what) => cuts.push(...what.map((each) => `${list}: ${each}`)),
  })
  await upstream.connection()
  const changed = async (list: 'tools' | 'prompts', text: string) => {
    now[list] = text
    for (const listener of listeners) listener(list)
    await upstream.connection()
    return Object.fromEntries(upstream.definitionProblems)
  }
  return { problems: Object.fromEntries(upstream.definitionProblems), seen, cuts, changed }
}

describe('a definition', () => {
  it('has one digest, in whatever order its members and sets stand', () => {
    const names = ['a', 'b', 'c', 'd']
    const schema = (order: readonly string[]) => ({
      type: order.length % 2 === 0 ? ['string', 'null'] : ['null', 'string'],
      properties: { of: { enum: [...order, 1, null] }, required: { type: 'string' } },
      required: order,
      dependentRequired: { a: order },
      anyOf: [{ dependencies: { b: order } }],
    })
    const digest = (order: readonly string[]) =>
      definitionDigest({ name: 'x', inputSchema: schema(order), outputSchema: schema(order) })
    fc.assert(
      fc.property(fc.shuffledSubarray(names, { minLength: 4 }), (order) => {
        assert.equal(digest(order), digest(names))
        assert.equal(digest([...order, 'a']), digest(names), 'each stands once')
      }),
    )
    assert.notEqual(digest(['a', 'b']), digest(names))
  })

  it('has another digest where the order, or a word, says something else', () => {
    const digests = [
      { inputSchema: { prefixItems: [{ type: 'string' }, { type: 'null' }] } },
      { inputSchema: { prefixItems: [{ type: 'null' }, { type: 'string' }] } },
      { inputSchema: { const: ['a', 'b'] } },
      { inputSchema: { const: ['b', 'a'] } },
      { inputSchema: { properties: { required: { const: ['a', 'b'] } } } },
      { inputSchema: { properties: { required: { const: ['b', 'a'] } } } },
      { annotations: { readOnlyHint: true } },
      { annotations: { readOnlyHint: false } },
      { inputSchema: { maximum: 9_007_199_254_740_992 } },
      { inputSchema: parseExactJson('{"maximum":9007199254740993}') },
    ].map((definition) => definitionDigest(definition))
    assert.equal(new Set(digests).size, digests.length)
  })

  it('without its words it has one digest for all descriptions, and another for each meaning', () => {
    const digest = (definition: JsonObject) => definitionDigest(definition, true)
    assert.equal(digest(STOCK), digest(STOCK_LATER))
    assert.notEqual(definitionDigest(STOCK), definitionDigest(STOCK_LATER))
    const titled = { ...STOCK, title: 'Stock', annotations: { title: 'Stock', readOnlyHint: true }, _meta: { at: 1 } }
    assert.equal(digest(titled), digest({ ...STOCK, annotations: { readOnlyHint: true } }))
    assert.notEqual(digest(titled), digest({ ...STOCK, annotations: { readOnlyHint: false } }))
    // A property may be called as a word is.
    const named = (type: string) => ({ inputSchema: { properties: { description: { type }, title: { type } } } })
    assert.notEqual(digest(named('string')), digest(named('number')))
    assert.notEqual(
      digest({ inputSchema: { const: { title: 'a' } } }),
      digest({ inputSchema: { const: { title: 'b' } } }),
    )
  })
})

describe('what is offered beside what was accepted', () => {
  const other: JsonObject = { name: 'price', inputSchema: { type: 'object', properties: { p: { maximum: 5 } } } }

  it('one tool that cannot be read is left out and told, and the others stay', async () => {
    for (const [broken, why] of [
      ['{"name":"price","inputSchema":{"default":NaN}}', 'not JSON: NaN at "default", which JSON does not have'],
      [
        '{"name":"price","inputSchema":{"a":1,"a":2}}',
        'duplicate-key at $.inputSchema.a: a key stands in one object twice',
      ],
      [
        `{"inputSchema":${'['.repeat(300)}${']'.repeat(300)},"name":"price"}`,
        'too-deep: 301 levels, and at most 104 are read',
      ],
      ['{"name":"price","x":"\\ud800"}', 'lone-surrogate at $.x: half of a character'],
    ] as const) {
      const list = `[${JSON.stringify(STOCK)} , ${broken}]`
      const { problems, cuts } = await compared([known(STOCK), known(other)], { tools: list })
      assert.deepEqual(problems, { 'shop/price': 'withdrawn by its upstream' })
      assert.deepEqual(cuts, [`tools: "price" cannot be read: ${why}`])
    }
  })

  it('S17: only a list is read item by item: an answer that looks like one is larger than answers may be', () => {
    const bytes = Buffer.from(
      `{"jsonrpc":"2.0","id":1,"result":{"tools":[${Array(3).fill(`[${'0,'.repeat(40_000)}0]`)}]}}`,
    )
    const read = readMessage(bytes)
    assert.ok(read.ok && read.value.kind === 'response')
    const sent = sentFrom(read.value, bytes)
    assert.deepEqual(sent.kind === 'answered' && sent.lost, [], 'it says how it was read')
    const odd = readMessage(
      Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"content":[${'['.repeat(300)}${']'.repeat(300)}]}}`),
    )
    assert.match(odd.ok ? '' : odd.reason, /^too-deep/)
    for (const twice of ['"tools":[],"tools":[{}]', '"tools":[NaN],"t\\u006fols":[{}]'])
      assert.equal(readMessage(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{${twice}}}`)).ok, false, twice)
  })

  it('S17: a name that comes ten thousand times is compared until it differs, with one digest of what was accepted', async (t) => {
    const made = t.mock.method(crypto, 'createHash')
    syncBuiltinESMExports()
    try {
      const accepted = known(STOCK)
      const before = made.mock.callCount()
      const tools = `[${Array(10_000).fill('{"name":"stock"}').join()}]`
      const { problems, changed } = await compared([accepted], { tools })
      assert.deepEqual(problems, { 'shop/stock': 'changed since it was accepted' })
      assert.equal(made.mock.callCount() - before, 3, 'what is offered with its words and without, what was accepted')
      await changed('tools', tools)
      assert.equal(made.mock.callCount() - before, 5)
      const stock = JSON.stringify(STOCK)
      assert.deepEqual(await changed('tools', `[${stock},${stock}]`), {}, 'twice the same is the same')
      const twice = await changed('tools', `[${stock},{"name":"stock"},${stock}]`)
      assert.deepEqual(twice, { 'shop/stock': 'changed since it was accepted' })
    } finally {
      made.mock.restore()
      syncBuiltinESMExports()
    }
  })

  it('S17: a long list is compared in turns', async (t) => {
    let nowMs = performance.now()
    t.mock.method(performance, 'now', () => {
      nowMs += 20
      return nowMs
    })
    let turns = 0
    let next = setImmediate(function count() {
      turns++
      next = setImmediate(count)
    })
    const list = Array.from({ length: 1_000 }, (_, i) => ({ name: `t${i}` }))
    await compared([known(STOCK)], { tools: JSON.stringify([...list, STOCK]) })
    clearImmediate(next)
    assert.ok(turns >= 50, `${turns}`)
  })

  it('a number of 64 bits, and one that is written oddly, is what was accepted', async () => {
    const text = JSON.stringify(other).replace('5', '9223372036854775807')
    const accepted = parseExactJson(text) as JsonObject
    const odd = `[${text.replace('9223372036854775807', '9223372036854775807.0')},${JSON.stringify(STOCK)}]`
    const { problems, cuts } = await compared([known(accepted), known(STOCK)], { tools: odd })
    assert.deepEqual([problems, cuts], [{}, []])
    const near = `[${text.replace('807', '806')},${JSON.stringify(STOCK)}]`
    const { problems: changed } = await compared([known(accepted), known(STOCK)], { tools: near })
    assert.deepEqual(changed, { 'shop/price': 'changed since it was accepted' })
  })

  it('a description that changes is a change, but for whoever accepted the tool without it', async () => {
    const tools = JSON.stringify([STOCK_LATER])
    const bound = await compared([known(STOCK)], { tools })
    assert.deepEqual(bound.seen, ['stock: changed since it was accepted in words'])
    assert.deepEqual((await compared([known(STOCK, true)], { tools })).problems, {})
    const wider = JSON.stringify([{ ...STOCK, inputSchema: { type: 'object', properties: { q: {}, bcc: {} } } }])
    const { problems } = await compared([known(STOCK, true)], { tools: wider })
    assert.deepEqual(problems, { 'shop/stock': 'changed since it was accepted' })
  })

  it('S11: prompts are compared as tools are', async () => {
    const prompt = { name: 'greet', description: 'Says hello', arguments: [{ name: 'to', required: true }] }
    const accepted = known(promptDefinition(prompt), false, 'prompt:')
    const offers = (arguments_: JsonObject['arguments']) => JSON.stringify([{ ...prompt, arguments: arguments_ ?? [] }])
    const same = await compared([accepted], { tools: '[]', prompts: offers(prompt.arguments) })
    assert.deepEqual(same.problems, {})
    assert.deepEqual(await same.changed('prompts', '[]'), { 'shop/prompt:greet': 'withdrawn by its upstream' })
    const changed = await compared([accepted], { tools: '[]', prompts: offers([{ name: 'bcc' }]) })
    assert.deepEqual(changed.problems, { 'shop/prompt:greet': 'changed since it was accepted' })
    assert.deepEqual(changed.seen, ['prompt:greet: changed since it was accepted'])
    const gone = await compared([accepted], { tools: '[]', prompts: '[]' })
    assert.deepEqual(gone.problems, { 'shop/prompt:greet': 'withdrawn by its upstream' })
  })

  it('S17: of what cannot be taken at most twenty are told', () => {
    assert.equal(LIMITS.listCutsToldMax, 20)
    const { what, more } = cutsTold(Array.from({ length: 25 }, (_, i) => `${i} ${'x'.repeat(1_000)}`))
    assert.deepEqual([what.length, what[0]?.length, more], [20, 500, 5])
    assert.deepEqual(cutsTold(['one']), { what: ['one'] })
  })
})

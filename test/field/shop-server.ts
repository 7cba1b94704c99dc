/**
 * A small stdio server that says what servers of others were seen to say: `node shop-server.ts <way>`, where the way is
 * about its definitions. Its tools answer in the very characters that stand here.
 */
import { createInterface } from 'node:readline'

const way = process.argv[2] ?? ''
/** Another at each start. */
const now = `${Date.now()}-${process.pid}`

const tool = (name: string, schema = '{"type":"object","properties":{"q":{"type":"string"}}}', description = name) =>
  `{"name":"${name}","description":"${description}","inputSchema":${schema},"annotations":{"readOnlyHint":true}}`

const shuffled = ['a', 'b', 'c', 'd'].map((each) => ({ each, at: Math.random() })).sort((x, y) => x.at - y.at)
const names = JSON.stringify(shuffled.map(({ each }) => each))
const properties = '{"a":{},"b":{},"c":{},"d":{}}'

const WAYS: Readonly<Record<string, readonly string[]>> = {
  plain: ['bigint', 'wei', 'price', 'nan', 'rows', 'tree', 'ends-with-id', 'large', 'like-a-list'].map((name) =>
    tool(name),
  ),
  faulty: [
    tool('stock'),
    tool('int64', '{"type":"object","properties":{"micros":{"type":"integer","maximum":9223372036854775807}}}'),
    tool(
      'tuple',
      '{"type":"object","properties":{"days":{"type":"array","items":[{"type":"integer"},{"type":"integer"}]}}}',
    ),
    tool('large', `{"type":"object","properties":{"q":{"description":"${'x'.repeat(150_000)}"}}}`),
    tool('ahead', '{"type":"object","properties":{"q":{"type":"string","pattern":"^(?!x)"}}}'),
    tool('broken', '{"type":"object","properties":{"q":{"default":NaN}}}'),
  ],
  restless: [
    tool('order', `{"type":"object","properties":${properties},"required":${names}}`),
    tool('clock', '{"type":"object","properties":{}}', `Stock of the shop, as it is at ${now} here`),
  ],
}

const ANSWERS: Readonly<Record<string, string>> = {
  bigint: '{"channel":1215883588174806058}',
  wei: '{"wei":2500000000000000000,"gwei":1.5e16}',
  price: '{"price":19.90,"rate":0.1234567890123456789,"none":-0.0}',
  nan: '{"mean":NaN}',
  rows: `{"rows":[${Array.from({ length: 12_000 }, (_, id) => `{"id":${id},"sku":"s${id}","n":${id % 7},"ok":true}`)}]}`,
  tree: `${'{"node":"div","children":['.repeat(40)}"text"${']}'.repeat(40)}`,
  'ends-with-id': '{"mean":Infinity}',
  large: `{"text":"${'x'.repeat(5_000_000)}"}`,
}

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as { id?: number; method: string; params?: { name?: string } }
  if (id === undefined) return
  const name = params?.name ?? ''
  const answer = (result: string) =>
    process.stdout.write(
      name === 'ends-with-id'
        ? `{"jsonrpc":"2.0","result":${result},"id":${id}}\n`
        : `{"jsonrpc":"2.0","id":${id},"result":${result}}\n`,
    )
  if (method === 'initialize')
    answer('{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"shop","version":"1"}}')
  else if (method === 'tools/list')
    // An empty cursor says that nothing follows.
    answer(`{"tools":[${WAYS[way] ?? ''}],"nextCursor":""}`)
  else if (method === 'tools/call')
    answer(
      name === 'like-a-list'
        ? '{"tools":[1,NaN]}'
        : `{"content":[{"type":"text","text":"-"}],"structuredContent":${ANSWERS[name] ?? '{}'}}`,
    )
  else process.stdout.write(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"not known"}}\n`)
})

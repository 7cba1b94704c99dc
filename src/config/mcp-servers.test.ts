import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMcpServers, serverFrom } from './mcp-servers.ts'

describe('servers as clients have them', () => {
  it('are read from mcpServers, and from VS Code’s servers', () => {
    for (const key of ['mcpServers', 'servers']) {
      const text = JSON.stringify({
        [key]: {
          'My Files': { command: 'npx', args: ['-y', 'files', '/data'], env: { API_TOKEN: 'x' } },
          remote: { type: 'http', url: 'https://mcp.example/mcp', headers: { Authorization: 'Bearer y' } },
        },
      })
      const read = readMcpServers(text)
      assert.ok(read.ok)
      const [files, remote] = read.value
      assert.equal(files?.name, 'my-files')
      assert.deepEqual(files?.kind === 'stdio' && files.command, ['npx', '-y', 'files', '/data'])
      assert.deepEqual([...(files?.env ?? [])], [['API_TOKEN', 'x']])
      assert.equal(remote?.kind === 'http' && remote.url, 'https://mcp.example/mcp')
    }
  })

  it('are all refused where one of them is not understood', () => {
    const good = { command: 'x' }
    const reasons = [
      '{',
      '{}',
      JSON.stringify({ mcpServers: { a: good, b: { args: ['x'] } } }),
      JSON.stringify({ mcpServers: { a: good, b: { command: 'x', env: { A: 1 } } } }),
      JSON.stringify({ mcpServers: { 'a b': good, 'a-b': good } }),
      JSON.stringify({ mcpServers: { firebreak: good } }),
    ].map((text) => {
      const read = readMcpServers(text)
      return read.ok ? 'read' : read.reason
    })
    const expected = [
      /not JSON/,
      /no "mcpServers"/,
      /"b" has neither/,
      /"b": env and headers/,
      /two servers/,
      /"firebreak" cannot/,
    ]
    for (const [i, pattern] of expected.entries()) assert.match(reasons[i] ?? '', pattern)
  })

  it('are named on a command line, with words as a shell keeps them together', () => {
    const read = serverFrom(`files=node server.js "two words" --to='a b'`)
    assert.ok(read.ok && read.value.kind === 'stdio')
    assert.deepEqual(read.value.command, ['node', 'server.js', 'two words', '--to=a b'])
    const url = serverFrom('pay=https://pay.example/mcp?a=b')
    assert.ok(url.ok && url.value.kind === 'http')
    assert.equal(url.value.url, 'https://pay.example/mcp?a=b')
    assert.ok(!serverFrom('node server.js').ok)
  })
})

/** An MCP server on its standard streams that lies in the way that the called tool is named after. */
import process from 'node:process'
import { createInterface } from 'node:readline'

export const LIES: readonly string[] = [
  'noise',
  'garbage',
  'wrong-id',
  'duplicate-keys',
  'half-a-line',
  'endless-line',
  'asks-back',
  'exits',
  'honest',
]

export function definitionOf(name: string) {
  return { name, description: `the lie ${name}`, inputSchema: { type: 'object', properties: {} } }
}

/** With `--deaf` after its token it goes on when its input ends, when nobody reads it, and when it is asked to end. */
if (import.meta.main) {
  if (process.argv.includes('--deaf')) {
    setInterval(() => undefined, 1_000)
    for (const signal of ['SIGTERM', 'SIGPIPE', 'SIGHUP'] as const) process.on(signal, () => undefined)
    process.stdout.on('error', () => undefined)
  }
  for await (const line of createInterface({ input: process.stdin })) take(JSON.parse(line))
}

function take({ id, method, params }: { id: number; method: string; params?: { name?: string } }): void {
  const capabilities = { tools: {} }
  if (method === 'server/discover') answer(id, { supportedVersions: ['2026-07-28'], capabilities })
  if (method === 'tools/list') answer(id, { tools: LIES.map(definitionOf) })
  if (method === 'tools/call') lie(id, params?.name ?? '')
}

function lie(id: number, name: string): void {
  const text = (words: string) => ({ content: [{ type: 'text', text: words }] })
  const honest = JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...text('leaked') } })
  switch (name) {
    case 'noise':
      say('Listening on stdio…')
      say('{"level":"info"}')
      say('[]')
      return answer(id, text('noise'))
    case 'garbage':
      return say('\u0000\u0001 leaked')
    case 'wrong-id':
      say(honest.replace(`"id":${id}`, `"id":${id + 1000}`))
      return say(honest.replace(`"id":${id}`, `"id":"${id}"`))
    case 'duplicate-keys':
      return say(honest.replace('{"jsonrpc"', '{"id":1,"jsonrpc"'))
    case 'half-a-line':
      process.stdout.write(honest.slice(0, 30))
      return
    case 'endless-line': {
      const chunk = 'x'.repeat(1_048_576)
      for (let i = 0; i < 64; i++) process.stdout.write(chunk)
      return
    }
    case 'asks-back':
      say('{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}')
      say('{"jsonrpc":"2.0","id":2,"method":"ping"}')
      return answer(id, text('asks-back'))
    case 'exits':
      return process.exit(3)
    default:
      return answer(id, text(name))
  }
}

function answer(id: number, result: object): void {
  say(JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

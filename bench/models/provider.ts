/**
 * A provider of models on loopback that speaks Anthropic's stream. What a request asks for stands in its last message: `events N`
 * has so many events, each with the time at which it was written; `cut`, `lie`, `fail` and `vanish` end as they say. It counts
 * what it has really made, and says so at `/made`.
 */
import { createServer, type ServerResponse } from 'node:http'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

const made = { requests: 0, input: 0, output: 0 }

const server = createServer(async (request, response) => {
  if (request.url === '/made') return void response.end(JSON.stringify(made))
  let body = ''
  for await (const piece of request) body += String(piece)
  const asked = JSON.parse(body) as {
    readonly max_tokens: number
    readonly messages: readonly { readonly content: string }[]
  } // by our client
  const [what = '', count = '1'] = (asked.messages.at(-1)?.content ?? '').split(' ')
  made.requests++
  const input = Math.ceil(body.length / 4)
  made.input += input
  if (what === 'fail')
    return void response
      .writeHead(503, { 'content-type': 'application/json' })
      .end('{"type":"error","error":{"type":"api_error","message":"later"}}')
  if (what === 'vanish') return void request.socket.destroy()
  made.output += asked.max_tokens
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  event(response, 'message_start', {
    message: {
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-4-5',
      content: [],
      usage: { input_tokens: input, output_tokens: 1 },
    },
  })
  event(response, 'content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
  for (let i = 0; i < Number(count); i++) {
    event(response, 'content_block_delta', {
      index: 0,
      delta: { type: 'text_delta', text: `t:${process.hrtime.bigint()};` },
    })
    if (Number(count) > 1) await delay(4)
    if (what === 'cut') return void response.destroy()
  }
  event(response, 'content_block_stop', { index: 0 })
  const output = what === 'lie' ? asked.max_tokens * 10 : asked.max_tokens
  event(response, 'message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: output } })
  event(response, 'message_stop', {})
  response.end()
})

function event(response: ServerResponse, type: string, data: Readonly<Record<string, unknown>>): void {
  response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`)
}

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

/**
 * A coding agent of a few lines on a vendor's own library: `node sdk-agent.mjs anthropic|openai|google <task>`. It has a shell
 * and does what its model says, until that asks for nothing more. It runs in a cell, and knows of no gateway.
 */
import { execFile } from 'node:child_process'
import process from 'node:process'
import Anthropic from '@anthropic-ai/sdk'
import { type Content, GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'

const PARAMETERS = {
  type: 'object' as const,
  properties: { command: { type: 'string' } },
  required: ['command'],
}
const BASH = { name: 'bash', description: 'Runs a command' }

/** Runs what a model has asked for; returns all that it said. */
function shell(args: unknown): Promise<string> {
  const { command } = args as { readonly command: string } // the only parameter
  return new Promise((resolve) =>
    execFile('bash', ['-c', command], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr}${error === null ? '' : `\nexit ${error.code}`}` || 'nothing was said'),
    ),
  )
}

async function anthropic(task: string): Promise<string> {
  const client = new Anthropic()
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: task }]
  for (;;) {
    const tools = [{ ...BASH, input_schema: PARAMETERS }]
    const stream = client.messages.stream({ model: 'claude-sonnet-5', max_tokens: 1_000, tools, messages })
    const { content } = await stream.finalMessage()
    const calls = content.filter((block) => block.type === 'tool_use')
    if (calls.length === 0) return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('')
    messages.push({ role: 'assistant', content })
    const results: Anthropic.ToolResultBlockParam[] = []
    for (const { id, input } of calls)
      results.push({ type: 'tool_result', tool_use_id: id, content: await shell(input) })
    messages.push({ role: 'user', content: results })
  }
}

async function openai(task: string): Promise<string> {
  const client = new OpenAI()
  const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: task }]
  for (;;) {
    const tools = [{ type: 'function' as const, ...BASH, parameters: PARAMETERS, strict: false }]
    const request = { model: 'gpt-6.1-sol', max_output_tokens: 1_000, tools, input, store: false }
    const { output } = await client.responses.stream(request).finalResponse()
    const calls = output.filter((item) => item.type === 'function_call')
    if (calls.length === 0)
      return output
        .flatMap((item) => (item.type === 'message' ? item.content : []))
        .flatMap((part) => (part.type === 'output_text' ? [part.text] : []))
        .join('')
    for (const { call_id, name, arguments: args } of calls)
      input.push(
        { type: 'function_call', call_id, name, arguments: args },
        { type: 'function_call_output', call_id, output: await shell(JSON.parse(args)) },
      )
  }
}

async function google(task: string): Promise<string> {
  const client = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY ?? '' })
  const contents: Content[] = [{ role: 'user', parts: [{ text: task }] }]
  for (;;) {
    const config = {
      maxOutputTokens: 1_000,
      tools: [{ functionDeclarations: [{ ...BASH, parametersJsonSchema: PARAMETERS }] }],
    }
    const stream = await client.models.generateContentStream({ model: 'gemini-2.5-pro', contents, config })
    const parts: NonNullable<Content['parts']> = []
    for await (const { candidates = [] } of stream) parts.push(...(candidates[0]?.content?.parts ?? []))
    const calls = parts.flatMap(({ functionCall }) => functionCall ?? [])
    if (calls.length === 0) return parts.map(({ text = '' }) => text).join('')
    const responses: NonNullable<Content['parts']> = []
    for (const { name = '', args } of calls)
      responses.push({ functionResponse: { name, response: { output: await shell(args) } } })
    contents.push({ role: 'model', parts }, { role: 'user', parts: responses })
  }
}

const AGENTS: Readonly<Record<string, (task: string) => Promise<string>>> = { anthropic, openai, google }
const [vendor = '', task = ''] = process.argv.slice(2)
console.log(await AGENTS[vendor]?.(task))

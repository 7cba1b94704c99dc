// A small coding agent: it asks a model what to do, does that in a shell, and tells the model what came of it. It reads the
// variables that the provider's own SDK reads, and knows nothing of where it runs.
import { spawnSync } from 'node:child_process'
import process from 'node:process'

const MODEL = 'claude-haiku-4-5'
const TURNS_MAX = 40
/** A connection may have been closed meanwhile: it asks once more, as SDKs do. */
const TRIES_MAX = 3
const COMMAND_MS_MAX = 120_000
const SAID_CHARACTERS_MAX = 20_000
const TOOL = {
  name: 'bash',
  description: 'Runs a command in the repository, and returns what it printed.',
  input_schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
}

class Refusal extends Error {}

const messages = [{ role: 'user', content: process.argv[2] ?? 'Look around.' }]
for (let turn = 0; turn < TURNS_MAX; turn++) {
  const { content } = await ask()
  messages.push({ role: 'assistant', content })
  const results = []
  for (const part of content) {
    if (part.type === 'text') console.log(part.text)
    if (part.type === 'tool_use')
      results.push({ type: 'tool_result', tool_use_id: part.id, content: shell(part.input.command) })
  }
  if (results.length === 0) process.exit(0)
  messages.push({ role: 'user', content: results })
}
console.error(`it did not end within ${TURNS_MAX} turns`)
process.exitCode = 1

async function ask() {
  for (let tries = 1; ; tries++) {
    try {
      return await asked()
    } catch (error) {
      if (tries === TRIES_MAX || error instanceof Refusal) throw error
    }
  }
}

async function asked() {
  const response = await fetch(`${process.env.ANTHROPIC_BASE_URL ?? 'https://api.anthropic.com'}/v1/messages`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'x-api-key': process.env.ANTHROPIC_API_KEY ?? '',
    },
    body: JSON.stringify({ model: MODEL, max_tokens: 1_000, tools: [TOOL], messages }),
  })
  if (!response.ok) throw new Refusal(`the model answered ${response.status}: ${await response.text()}`)
  return response.json()
}

function shell(command) {
  const { stdout, stderr, error } = spawnSync('bash', ['-c', command], { encoding: 'utf8', timeout: COMMAND_MS_MAX })
  return `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.slice(0, SAID_CHARACTERS_MAX)
}

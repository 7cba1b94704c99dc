/** An agent on the official TypeScript client, once in each revision; prints what it saw as one JSON object. */
import process from 'node:process'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const url = new URL(process.env.FIREBREAK_MCP_URL ?? '')
const seen: Record<string, unknown> = {}
for (const revision of ['2026-07-28', '2025-11-25', '2025-06-18']) seen[revision] = await use(revision)
console.log(JSON.stringify(seen))

async function use(revision: string) {
  const modern = revision === '2026-07-28'
  const client = new Client(
    { name: 'agent', version: '1' },
    modern ? { versionNegotiation: { mode: { pin: revision } } } : { supportedProtocolVersions: [revision] },
  )
  const transport = new StreamableHTTPClientTransport(url)
  await client.connect(transport)
  const { tools } = await client.listTools()
  const progress: number[] = []
  const call = (name: string, args: Record<string, unknown> = {}) =>
    client.callTool(
      { name: `fixture__${name}`, arguments: args },
      { onprogress: (told) => progress.push(told.progress) },
    )
  const report = {
    negotiated: client.getNegotiatedProtocolVersion(),
    tools: tools.map(({ name }) => name),
    text: (await call('test_simple_text')).content,
    sum: (await call('test_structured', { a: 2, b: 3 })).structuredContent,
    failed: (await call('test_error_handling')).isError,
    progress: (await call('test_tool_with_progress')) && progress,
    region: (await call('test_x_mcp_header', { region: 'Köln' })).content,
    undeclared: await call('test_structured', { a: 1, b: 2, c: 3 }).catch(faultOf),
    notGranted: await call('test_image_content').catch(faultOf),
    asks: await call('test_input_required_result_elicitation').catch(faultOf),
    resource: (await client.readResource({ uri: 'test://template/42/data' })).contents,
    resources: (await client.listResources()).resources.map(({ uri }) => uri),
    prompt: (
      await client.getPrompt({ name: 'fixture__test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } })
    ).messages,
  }
  if (!modern) await transport.terminateSession()
  await client.close()
  return report
}

function faultOf(error: unknown) {
  return error instanceof Error ? error.message : String(error)
}

/** A relay, as many teams have one: an MCP server on standard streams that fetches whatever URL it is given. */
import { McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

serveStdio(() => {
  const server = new McpServer({ name: 'fetcher', version: '1.0.0' })
  server.registerTool(
    'fetch',
    {
      description: 'Fetch a URL',
      inputSchema: z.object({
        url: z.string(),
        method: z.string().optional(),
        headers: z.record(z.string(), z.string()).optional(),
        body: z.string().optional(),
      }),
    },
    async ({ url, method = 'GET', headers = {}, body }) => {
      const response = await fetch(url, {
        method,
        headers,
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(5_000),
      })
      return { content: [{ type: 'text', text: `${response.status} ${(await response.text()).slice(0, 2_000)}` }] }
    },
  )
  return server
})

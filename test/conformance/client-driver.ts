/** What the suite starts as "the client": hands the scenario's URL to the test, whose gateway is the client, and waits. */
import process from 'node:process'

const [relay = '', url = ''] = process.argv.slice(2)
const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_CONTEXT: context = '{}' } = process.env
const reply = await fetch(relay, { method: 'POST', body: JSON.stringify({ scenario, url, context }) })
process.exit(reply.ok ? 0 : 1)

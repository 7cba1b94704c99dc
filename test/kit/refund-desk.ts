import { join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../src/config/load.ts'
import { acceptOffered } from './accept-offered.ts'
import { NODE_CELL, repository } from './command-line.ts'
import { type ConfigPlan, writeConfig } from './config-text.ts'
import { REFUND_TOOLS, type RefundBook } from './refund-book.ts'

/**
 * A configuration, accepted, of an agent `alpha` in a cell that may pay from this book, and an undo that may cancel;
 * `test/e2e/agents` stands in the cell under `/opt/agents`. Returns its path.
 */
export async function refundDesk(
  directory: string,
  book: RefundBook,
  tools: readonly string[],
  containment?: ConfigPlan['containment'],
): Promise<string> {
  const config = writeConfig(directory, {
    upstreams: { bank: { mcp: { url: book.upstream.url }, tools: REFUND_TOOLS } },
    environments: {
      test: {
        undo: {
          owner: 'joao.costa@shop.example',
          grants: [{ upstream: 'bank', tools: ['refunds.cancel'], expires: '1h' }],
        },
      },
    },
    agents: {
      alpha: {
        cell: { files: { ...NODE_CELL.files, '/opt/agents': join(repository, 'test/e2e/agents') } },
        grants: [{ upstream: 'bank', tools, expires: '8h' }],
      },
    },
    ...(containment && { containment }),
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  return config
}

import type { Server } from 'node:http'
import type { EnvironmentContext } from '../../../admission/environment-context.ts'
import type { ServedCell } from '../../../admission/served-cell.ts'
import { cellServer } from '../../../fairness/cell-server.ts'
import type { Door } from '../../protocol.ts'
import { McpEndpoint } from './endpoint.ts'

/** The door of one cell for MCP: HTTP on its own listener, answered by its endpoint. */
export class McpDoor implements Door {
  readonly #endpoint: McpEndpoint
  readonly #server: Server

  constructor(gate: EnvironmentContext, cell: ServedCell) {
    this.#endpoint = new McpEndpoint(gate, cell)
    this.#server = cellServer((request, response) => {
      this.#endpoint.handle(request, response).catch(() => response.destroy())
    })
  }

  listen(listener: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ fd: listener }, resolve)
    })
  }

  close(): void {
    this.#endpoint.close()
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

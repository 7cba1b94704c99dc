import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  protocolName,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import { contractOf } from './contract.ts'

export const RELAY_NAME = protocolName('relay')

/** The connections of one relay, as the pipeline knows them: an origin is asked for anew each time, so that none stands by. */
export class RelayLine implements Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol = RELAY_NAME
  readonly definitionProblems = new Map<string, never>()
  readonly contracts: ReadonlyMap<ToolName, Contract>
  readonly underWay = new Map<ActionId, CellId>()

  constructor(options: {
    readonly name: UpstreamName
    readonly environment: EnvironmentName
    readonly connections: Iterable<readonly [ToolName, CatalogueTool]>
  }) {
    this.name = options.name
    this.environment = options.environment
    this.contracts = new Map([...options.connections].map(([name, tool]) => [name, contractOf(tool)]))
  }

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  disconnected(): void {}

  close(): void {}
}

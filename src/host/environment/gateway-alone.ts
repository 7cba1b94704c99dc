import type { Warden } from '../../cells/driver.ts'
import type { Config } from '../../config/config.ts'
import { type EnvironmentName, environmentName, ok, type Result } from '../../model/index.ts'
import { wardenFor } from '../drivers.ts'
import type { ControlRequest } from '../people/control-request.ts'
import { type UndoOrder, undoServers } from '../people/undo-order.ts'
import { UndosUnderWay } from '../people/undos-under-way.ts'
import { gatewaySetup, type Judged } from '../prepare/setup.ts'
import { leftOut, Servers } from '../services/servers.ts'
import { type Services, startServices } from '../services/services.ts'
import { Starting } from '../services/starting.ts'
import type { State } from '../state/state.ts'
import { openTenantState } from '../state/tenants.ts'
import { CurrentGateway } from './current-gateway.ts'
import { LiveCells } from './live-cells.ts'
import { PulseNumbers } from './pulse-numbers.ts'
import { releaseAgent } from './release.ts'

/** The requests that the gateway of an environment carries out, whoever has it. */
export type GatewayRequest = Extract<ControlRequest, { kind: 'release' | 'undo' }>

/** Returns the environment whose gateway a request is for. */
export function environmentOf(request: GatewayRequest): EnvironmentName {
  return request.kind === 'undo' ? request.order.environment : environmentName(request.environment)
}

/**
 * Carries out one request where nothing of its environment runs: gateway and witness are started for it, and stdio
 * servers in cells where an undo needs them; no agent's cell is.
 */
export async function followAlone(
  judged: Judged,
  stateDirectory: string,
  request: GatewayRequest,
): Promise<Result<void, string>> {
  const { config } = judged
  const environment = environmentOf(request)
  const setup = gatewaySetup(judged, environment)
  const opened = openTenantState(config, environment, stateDirectory, config.profile === 'full')
  if (!opened.ok) return opened
  const state = opened.value
  const needsCells = request.kind === 'undo' && undoServers(config, request.order).length > 0
  const warden = needsCells ? await wardenFor(config, environment) : ok(undefined)
  if (!warden.ok) return warden
  const services = await startServices(state, setup)
  if (!services.ok) {
    await warden.value?.close()
    return services
  }
  const without = leftOut(setup)
  const secrets = new Map(setup.secrets)
  const parts = { config, environment, state, services: services.value, warden: warden.value, without, secrets }
  try {
    return await (request.kind === 'undo' ? undo(parts, request.order) : release(parts, request))
  } finally {
    await warden.value?.close()
    await services.value.stop(request.kind === 'undo' ? 'the undo has ended' : 'an agent was released')
  }
}

interface Alone {
  readonly config: Config
  readonly environment: EnvironmentName
  readonly state: State
  readonly services: Services
  /** Absent where no server is started. */
  readonly warden: Warden | undefined
  readonly without: ReturnType<typeof leftOut>
  readonly secrets: ReadonlyMap<string, string>
}

function release({ config, services, state }: Alone, request: Extract<GatewayRequest, { kind: 'release' }>) {
  const numbers = new PulseNumbers()
  const starting = new Starting(state.fences)
  const gateway = new CurrentGateway(services, numbers)
  const ground = { config, state, numbers, starting, cells: new LiveCells(starting), gateway }
  return releaseAgent(ground, request, () => false)
}

function undo(alone: Alone, order: UndoOrder): Promise<Result<void, string>> {
  const { config, environment, secrets, services, state, warden, without } = alone
  const numbers = new PulseNumbers()
  const gateway = new CurrentGateway(services, numbers)
  const servers =
    warden &&
    new Servers({
      warden,
      config,
      state,
      secrets,
      without,
      services: () => services,
      newNumber: () => numbers.next(),
      mayBegin: () => ok(undefined),
      about: () => ({ part: 'person', state: state.directory, environment }),
    })
  return new UndosUnderWay({ config, gateway, numbers }, () => servers).undo(order)
}

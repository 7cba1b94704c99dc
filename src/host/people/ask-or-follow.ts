import { no, ok, type Result } from '../../model/index.ts'
import { environmentOf, followAlone, type GatewayRequest } from '../environment/gateway-alone.ts'
import type { Judged } from '../prepare/setup.ts'
import { tenantOf, tenantState } from '../state/tenants.ts'
import type { Done } from './control-request.ts'
import { askWardens, NOT_MINE } from './control-socket.ts'

export interface AskOptions {
  /** Milliseconds that one warden may be silent; 0: it takes as long as it takes. */
  readonly boundMs: number
  /** Tells whether an answer is the last word also where it says no: nothing is tried by another gateway then. */
  readonly isFinal: (answer: Done) => boolean
}

/**
 * Has a request carried out by the gateway of its environment: by the one that runs, through its warden; where none does,
 * by one that is started in this process for it alone.
 */
export async function askOrFollow(
  judged: Judged,
  stateDirectory: string,
  request: GatewayRequest,
  { boundMs, isFinal }: AskOptions,
): Promise<Result<void, string>> {
  const environment = environmentOf(request)
  const state = tenantState(stateDirectory, tenantOf(judged.config, environment))
  const heard = await askWardens(state, request, () => undefined, boundMs)
  const own = heard.filter(({ said }) => said !== NOT_MINE)
  if (own.some((answer) => answer.ok)) return ok(undefined)
  const last = own.find(isFinal)
  if (last !== undefined) return no(last.said)
  const followed = await followAlone(judged, stateDirectory, request)
  return followed.ok ? followed : no(`${followed.reason}${mayStill(own)}`)
}

/** Returns what is not known where a warden had the request and did not answer. */
function mayStill(heard: readonly Done[]): string {
  const silent = heard.flatMap((each) => each.silent ?? [])
  const who = silent.map(({ pid }) => `process ${pid}`).join(', ')
  return silent.length === 0 ? '' : ` — ${who} was asked and did not answer in time; firebreak ps says where it stands`
}

import { programPath } from '../../../model/host/program-file.ts'
import type { Result } from '../../../model/index.ts'
import { ReadingDesk } from '../../fairness/reading-desk.ts'
import { DECODED_BYTES_MAX } from '../http/decode.ts'
import type { ModelAsked, ModelFault } from './judge.ts'
import { judgeModelJob, type ModelJob } from './model-work.ts'

/** Requests of one cell that are judged or wait for that: an agent asks a few at a time. */
export const REQUESTS_WAITING_MAX = 16
/** Milliseconds for one request: 32 MiB take half a second, and the machine may be busy. */
const JUDGING_MS_MAX = 20_000

export interface ModelDeskOptions {
  /** File of the thread's program. */
  readonly program?: string
  readonly idleMs?: number
}

/** Judges requests to models for the cells of a gateway, long ones in a thread. */
export class ModelDesk extends ReadingDesk<ModelJob, Result<ModelAsked, ModelFault>> {
  constructor({ program, idleMs }: ModelDeskOptions = {}) {
    super({
      program: program ?? programPath('gateway/protocols/model/model-worker-main'),
      ...(idleMs !== undefined && { idleMs }),
      read: judgeModelJob,
      msMax: JUDGING_MS_MAX,
      bytesMax: DECODED_BYTES_MAX,
      waitingMax: REQUESTS_WAITING_MAX,
      waitingBytesMax: 2 * DECODED_BYTES_MAX,
      what: 'requests to models',
    })
  }
}

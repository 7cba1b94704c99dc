/**
 * The thread in which long requests to models are judged, so that nobody else waits for it. Started as a program of its own
 * (as `cli/warm.ts` does) it ends at once.
 */
import { parentPort } from 'node:worker_threads'
import { judgeModelJob, type ModelJob } from './model-work.ts'

const port = parentPort
port?.on('message', (job: ModelJob) => {
  const judged = judgeModelJob(job)
  const body = judged.ok && judged.value.ok ? judged.value.value.sent.body : undefined
  // The whole of a buffer of its own; a part of another one is copied.
  const isOwn = body?.buffer instanceof ArrayBuffer && body.length === body.buffer.byteLength
  port.postMessage(judged, isOwn ? [body.buffer as ArrayBuffer] : [])
})

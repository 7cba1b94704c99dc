/**
 * The thread in which long lists of packages are read, so that nobody else waits for it. Started as a program of its own (as
 * `cli/warm.ts` does) it ends at once.
 */
import { parentPort } from 'node:worker_threads'
import { type ListJob, markList } from './package-work.ts'

const port = parentPort
port?.on('message', (job: ListJob) => {
  const marked = markList(job)
  port.postMessage(marked, marked.ok ? [marked.value.bytes.buffer as ArrayBuffer] : []) // encoded just now
})

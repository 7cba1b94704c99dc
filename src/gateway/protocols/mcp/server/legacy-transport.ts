import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

/** Milliseconds that a server may take to say that it speaks the older transport. */
const ANSWER_MS_MAX = 2_000
const BYTES_MAX = 4_096

/**
 * Tells whether a GET opens a stream whose first event names an endpoint: so did the transport of 2024-11-05 ("HTTP with
 * SSE") begin. Nothing that it says is followed. False where nothing of the kind comes in time.
 */
export function speaksOldTransport(
  pool: Dispatcher,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const handler = new FirstEvent(resolve, signal)
    try {
      pool.dispatch({ path, method: 'GET', headers }, handler)
    } catch {
      resolve(false)
    }
  })
}

class FirstEvent implements Dispatcher.DispatchHandler {
  readonly #resolve: (is: boolean) => void
  readonly #signal: AbortSignal
  #isStream = false
  #text = ''

  constructor(resolve: (is: boolean) => void, closed: AbortSignal) {
    this.#resolve = resolve
    this.#signal = AbortSignal.any([closed, AbortSignal.timeout(ANSWER_MS_MAX)])
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#signal.addEventListener('abort', () => controller.abort(new Error('nothing more is due')), { once: true })
    if (this.#signal.aborted) controller.abort(new Error('it was called off'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#isStream = status === 200 && String(headers['content-type'] ?? '').startsWith('text/event-stream')
    if (!this.#isStream) controller.abort(new Error('nothing more is due'))
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#text += Buffer.from(chunk).toString('latin1')
    const names = /^event: ?endpoint\s*$/m.test(this.#text)
    if (!names && this.#text.length < BYTES_MAX) return
    this.#resolve(names)
    controller.abort(new Error('nothing more is due'))
  }

  onResponseEnd(): void {
    this.#resolve(false)
  }

  onResponseError(): void {
    this.#resolve(false)
  }
}

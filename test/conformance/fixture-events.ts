import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

interface Stored {
  readonly id: string
  readonly stream: string
  readonly message: JSONRPCMessage
}

/** Lets a client of 2025-11-25 resume a stream that was closed under it. */
export class EventLog implements EventStore {
  readonly #events: Stored[] = []

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const id = `${stream}|${this.#events.length + 1}`
    this.#events.push({ id, stream, message })
    return id
  }

  async getStreamIdForEventId(id: string): Promise<string> {
    return id.slice(0, id.lastIndexOf('|'))
  }

  async replayEventsAfter(
    last: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const split = last.lastIndexOf('|')
    const [stream, number] = [last.slice(0, split), Number(last.slice(split + 1))]
    // The event that primes a stream holds no message.
    const missed = this.#events.slice(number).filter((event) => event.stream === stream && 'jsonrpc' in event.message)
    for (const { id, message } of missed) await send(id, message)
    return stream
  }
}

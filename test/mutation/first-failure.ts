/** A reporter that ends the process at the first test that fails, without its own time to clean up: so says the exit. */
import process from 'node:process'
import type { TestEvent } from 'node:test/reporters'

// biome-ignore lint/correctness/useYield: it reports by the way in which the process ends.
export default async function* firstFailure(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type } of events) if (type === 'test:fail') process.kill(process.pid, 'SIGKILL')
}

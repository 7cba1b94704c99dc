import { type Running, startFirebreak } from './command-line.ts'
import { until } from './until.ts'

/** The two ways in which a run is held; a test that loops over them is run once in each. */
export const HELD: readonly ('in its own process' | 'through a host')[] = ['in its own process', 'through a host']

/** Starts a host over a configuration and a state, as the options name them, and waits until it is up. */
export async function hostUp(
  options: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const host = startFirebreak(['up', ...options], { environment })
  await until('the host is up', () => host.stdout().includes('up: process'))
  return host
}

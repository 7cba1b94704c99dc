import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import process from 'node:process'
import type { Agent, Config } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { diffText } from '../../control/reach-text.ts'
import { judgeConfig } from '../../host/prepare/setup.ts'
import { configDiff } from '../../host/reach/reach-diff.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { stateOperator } from '../../operator/state-operator.ts'
import { unifiedDiff } from '../../rehearsal/proposed-config.ts'
import { type Call, EXIT, type ExitCode } from '../command.ts'
import { agentAsked } from '../options/agent.ts'
import { readConfig } from '../options/config.ts'
import { stateOf } from '../options/state.ts'
import { confirmed } from '../person/confirmed.ts'
import { narrowestText } from './narrowest.ts'
import { type ReachedFor, ReachedForFold } from './reached-for.ts'

/**
 * Proposes the narrowest grants that cover what an agent used, by the ledger, and writes them once a person at a terminal has
 * said so. What was refused is told and never proposed: who was led astray writes no grants.
 */
export async function proposeFromLog(call: Call): Promise<ExitCode> {
  const judged = await readConfig(call)
  if (!judged.ok) return judged.reason
  const { config } = judged.value
  const agent = agentAsked(call, config)
  if (agent === undefined) return EXIT.usage
  const reached = await reachedFor(call, config, agent)
  if (!reached.ok) {
    call.print.fault(reached.reason, '--state names where its runs kept theirs')
    return EXIT.storeUnreachable
  }
  for (const line of refusedLines(reached.value)) call.print.line(line)
  const before = config.text
  const { text, byHand } = narrowestText(before, agent, reached.value)
  for (const what of byHand)
    call.print.progress(`${what}: not written, it would change more of the file: do it by hand`)
  const loaded = await loadConfig(config.file, { node: process.execPath }, text)
  const after = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (!after.ok) {
    const [first] = after.reason
    call.print.fault(`what was used makes no configuration: ${first?.message ?? 'it cannot be read'}`)
    return EXIT.failed
  }
  const told = { used: usedTold(reached.value), refused: reached.value.refused, places: placesTold(reached.value) }
  if (text === before) {
    call.print.line(`${agent.name} is granted what it used, and nothing else that could be taken away.`)
    call.print.object({ ok: true, written: false, ...told, patch: [], changes: [], byHand })
    return EXIT.ok
  }
  const patch = unifiedDiff(basename(config.file), before, text)
  const changes = configDiff(judged.value, after.value).filter(({ changes: own }) => own.length > 0)
  for (const line of [...patch, '', ...diffText(changes)]) call.print.line(line)
  const written = await writtenWhereWanted(call, config, text)
  if (!written.ok) {
    call.print.fault(written.reason)
    return EXIT.failed
  }
  if (!written.value) call.print.line('Nothing was written.')
  call.print.object({ ok: true, written: written.value, ...told, patch, changes, byHand, proposed: text })
  return written.value ? EXIT.ok : EXIT.needsApproval
}

async function reachedFor(call: Call, config: Config, { name }: Agent): Promise<Result<ReachedFor, string>> {
  const fold = new ReachedForFold(config, name)
  try {
    for await (const entry of stateOperator(stateOf(call)).entries()) fold.take(entry)
    return ok(fold.value)
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** Returns lines on what was refused: what a person writes by hand, if it should be. */
function refusedLines({ refused, places }: ReachedFor): readonly string[] {
  const operations = refused.map(
    ({ upstream, tool, effect, times }) => `#   ${upstream}: ${tool} (${effect}), ${timesText(times)}`,
  )
  const requests = [...places].flatMap(([place, all]) =>
    [...all].map(([request, times]) => `#   ${place}: ${request}, ${timesText(times)}`),
  )
  return [
    ...(operations.length === 0
      ? []
      : ['# It was refused, and is not proposed; grant by name what it should do:', ...operations]),
    ...(requests.length === 0
      ? []
      : ['# It reached for places that nobody declared (http: { origin: … } under upstreams):', ...requests]),
    ...(operations.length + requests.length === 0 ? [] : ['']),
  ]
}

function timesText(times: number): string {
  return times === 1 ? 'once' : `${times} times`
}

function usedTold({ used }: ReachedFor) {
  return [...used].map(([upstream, { tools, callsOfDay }]) => ({ upstream, tools: [...tools], callsOfDay }))
}

function placesTold({ places }: ReachedFor) {
  return [...places].map(([place, requests]) => ({ place, requests: Object.fromEntries(requests) }))
}

/** Writes a text over the configuration that it was made of, where a person says so and nobody has changed that meanwhile. */
async function writtenWhereWanted(
  call: Call,
  { file, text: before }: Config,
  text: string,
): Promise<Result<boolean, string>> {
  if (!(await confirmed(call, stateOf(call), `Write this to ${file}? [y/N] `))) return ok(false)
  if (readFileSync(file, 'utf8') !== before) return no(`${file} has changed meanwhile: nothing was written`)
  writeFileSync(`${file}.new`, text, { mode: statSync(file).mode & 0o777 })
  renameSync(`${file}.new`, file)
  return ok(true)
}

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../config/load.ts'
import { type Judged, judgeConfig } from '../../host/prepare/setup.ts'
import { type AgentName, no, type Problem, type Result, sourceText } from '../../model/index.ts'
import { type Call, configFile, EXIT, type ExitCode } from '../command.ts'

/**
 * Reads what `--config` names and judges all of it; what is wrong has been printed when this returns an exit code.
 *
 * @param observed the agent of a run that is observed.
 */
export async function readConfig(
  call: Call,
  stateDirectory?: string,
  observed?: AgentName,
): Promise<Result<Judged, ExitCode>> {
  const file = configFile(call)
  if (!existsSync(file)) {
    call.print.fault(`there is no ${file}`, 'firebreak init writes a first one; --config names another')
    return no(EXIT.usage)
  }
  const loaded = await loadConfig(file, { node: process.execPath }, undefined, observed)
  const judged = loaded.ok ? await judgeConfig(loaded.value, stateDirectory) : loaded
  if (judged.ok) return judged
  call.print.fault(
    `${file} has ${judged.reason.length === 1 ? 'a problem' : `${judged.reason.length} problems`}`,
    ...judged.reason.map((problem) => problemText(problem, dirname(file))),
  )
  return no(EXIT.usage)
}

/** `directory` is the configuration's, as the person named it. */
function problemText({ source, message, expected }: Problem, directory: string): string {
  return `${sourceText({ ...source, file: join(directory, source.file) })}:${source.column} ${message}${expected === undefined ? '' : ` — expected ${expected}`}`
}

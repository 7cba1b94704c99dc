import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../../config/load.ts'
import { agentOfCell, type IncidentPlace, makeIncident } from '../../../control/incident.ts'
import { type Judged, judgeConfig } from '../../../host/prepare/setup.ts'
import { logsOf } from '../../../host/state/logs.ts'
import { type AgentName, type CellId, cellId, no, ok, type Result, sourceText } from '../../../model/index.ts'
import { htmlOf } from '../../../recovery/incident/html.ts'
import type { Incident } from '../../../recovery/incident/incident.ts'
import { markdownOf } from '../../../recovery/incident/markdown.ts'
import { pageOf } from '../../../recovery/incident/page.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { named } from '../../print/printable.ts'
import { diffText, reachText } from '../../reach/text.ts'

export const command: Command = {
  name: 'incident',
  usage: ['firebreak incident <cell> [--out <dir>] [--state <dir>] [--config <file>]'],
  example: 'firebreak incident c_4f7r2mz0q8t1x5ka --out reports',
  words: 1,
  options: {
    ...STATE_OPTIONS,
    out: { type: 'string', value: 'dir', help: 'where incident-<cell>.html and .md are written (default: here)' },
  },
  run,
}

async function run(call: Call): Promise<ExitCode> {
  const [name = ''] = call.positionals
  const state = stateOf(call)
  const logs = await logsOf(state)
  if (!logs.ok) {
    call.print.fault(logs.reason)
    return EXIT.storeUnreachable
  }
  const places = logs.value
  const cell = cellIn(name)
  if (cell === undefined) {
    const known = await cellsOf(places, name)
    const said = name === '' ? 'which cell?' : `"${name}" is no cell (c_…)`
    call.print.fault(said, ...known, `usage: ${command.usage[0]}`)
    return EXIT.usage
  }
  const found = await placeOf(places, cell)
  if (!found.ok) {
    call.print.fault(found.reason, 'firebreak logs shows what there is')
    return EXIT.failed
  }
  const words = { reach: reachText, diff: diffText }
  const judged = await configAtHand(call, state)
  const incident = await makeIncident({ ...found.value, cell, nowMs: Date.now(), judged, words })
  const written = write(resolve(call.text('out') ?? '.'), incident)
  if (!written.ok) {
    call.print.fault(written.reason, '--out names a directory that can be written')
    return EXIT.failed
  }
  const page = pageOf(incident)
  const plain = (wording: (typeof page.warnings)[number]) =>
    wording.map((part) => (typeof part === 'string' ? part : named(part.said))).join('')
  for (const warning of page.warnings) call.print.line(plain(warning))
  for (const line of page.headline.lines) call.print.line(plain(line))
  for (const path of written.value) call.print.line(path)
  const code = exitCode(incident)
  call.print.object({ ok: code === EXIT.ok, files: written.value, incident })
  return code
}

function cellIn(name: string): CellId | undefined {
  try {
    return cellId(name)
  } catch {
    return undefined
  }
}

const KNOWN_MAX = 5

/** Returns the cells of an agent, for a person who has named that. */
async function cellsOf(places: readonly IncidentPlace[], agent: string): Promise<readonly string[]> {
  const cells: string[] = []
  for (const { log } of places) {
    for await (const entry of log.read()) {
      if (!entry.ok) break
      const { value } = entry
      if (value.kind === 'cell.started' && value.agent === agent)
        cells.push(`${value.cell}  started ${new Date(value.atMs).toISOString()}`)
    }
  }
  return cells.slice(-KNOWN_MAX)
}

/** The log that has its start; where none has and one is damaged, that one: its page says what cannot be known. */
async function placeOf(
  places: readonly IncidentPlace[],
  cell: CellId,
): Promise<Result<{ readonly place: IncidentPlace; readonly agent: AgentName | undefined }, string>> {
  let damaged: IncidentPlace | undefined
  for (const place of places) {
    const { agent, damage } = await agentOfCell(place.log, cell)
    if (agent !== undefined) return ok({ place, agent })
    if (damage !== undefined) damaged ??= place
  }
  return damaged === undefined ? no(`there is no cell ${cell}`) : ok({ place: damaged, agent: undefined })
}

/** A page is made without one, too, and says what it lacks. */
async function configAtHand(call: Call, state: string): Promise<Judged | { readonly problem: string }> {
  const beside = join(dirname(state), 'firebreak.yaml')
  const file = call.text('config') ?? (existsSync(beside) ? beside : 'firebreak.yaml')
  if (!existsSync(file)) return { problem: `There is no configuration at hand: ${file} is missing.` }
  const loaded = await loadConfig(file, { node: process.execPath })
  const judged = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (judged.ok) return judged.value
  const [first] = judged.reason
  const why = first === undefined ? '' : `: ${sourceText(first.source)} ${first.message}`
  return { problem: `The configuration at hand cannot be read${why}` }
}

/** Writes a page; a link that somebody has planted there is replaced, and never written through. */
function write(directory: string, incident: Incident): Result<readonly string[], string> {
  const page = pageOf(incident)
  const texts = { html: htmlOf(page), md: markdownOf(page) }
  try {
    mkdirSync(directory, { recursive: true })
    return ok(
      Object.entries(texts).map(([ending, text]) => {
        const path = join(directory, `incident-${incident.cell}.${ending}`)
        const fresh = `${path}.${randomBytes(8).toString('hex')}`
        const file = openSync(fresh, 'wx', 0o640)
        writeFileSync(file, text)
        closeSync(file)
        renameSync(fresh, path)
        return path
      }),
    )
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** The page is there in any case: what could not be proven of it is the exit code. */
function exitCode({ read, proof }: Incident): ExitCode {
  if (read.damage !== undefined || proof.log?.intact === false) return EXIT.integrity
  return proof.log === undefined ? EXIT.storeUnreachable : EXIT.ok
}

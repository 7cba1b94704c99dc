import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { IncidentFault } from '../../../control/incident-of-cell.ts'
import { no, ok, type Result } from '../../../model/index.ts'
import { stateOperator } from '../../../operator/state-operator.ts'
import { htmlOf } from '../../../recovery/incident/html.ts'
import type { Incident } from '../../../recovery/incident/incident.ts'
import { markdownOf } from '../../../recovery/incident/markdown.ts'
import { pageOf } from '../../../recovery/incident/page.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { named } from '../../print/printable.ts'

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
  const made = await stateOperator(state).incident({ cell: name, configuration: configAtHand(call, state) })
  if (!made.ok) return noIncident(call, name, made.reason)
  const incident = made.value
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

function noIncident({ print }: Call, name: string, fault: IncidentFault): ExitCode {
  switch (fault.kind) {
    case 'unread':
      print.fault(fault.problem)
      return EXIT.storeUnreachable
    case 'not-a-cell': {
      const known = fault.started.map(({ cell, atMs }) => `${cell}  started ${new Date(atMs).toISOString()}`)
      const said = name === '' ? 'which cell?' : `"${name}" is no cell (c_…)`
      print.fault(said, ...known, `usage: ${command.usage[0]}`)
      return EXIT.usage
    }
    case 'no-cell':
      print.fault(`there is no cell ${fault.cell}`, 'firebreak logs shows what there is')
      return EXIT.failed
  }
}

/** Returns the configuration that a person names, or the one beside the state, or the one here. */
function configAtHand(call: Call, state: string): string {
  const beside = join(dirname(state), 'firebreak.yaml')
  return call.text('config') ?? (existsSync(beside) ? beside : 'firebreak.yaml')
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

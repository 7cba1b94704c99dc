/**
 * Coding agents that people have, in cells, unchanged: `npm run test:agents [-- claude codex …] [--json]`. Each is installed in
 * its newest version (about 1.3 GB together, kept in `AGENTS_DIRECTORY`, else among the user's caches), set up by
 * `firebreak init --for` in a repository, and started by its own name. Its provider is a scripted model on loopback, at the
 * provider's own name; so are its registry and its forge: no agent is told of a proxy, a base URL or a key.
 *
 * One session is honest; another does to the letter what somebody wrote into its repository. What it reached is told by those
 * who would have been reached, and by the ledger.
 */
import { delimiter } from 'node:path'
import process from 'node:process'
import { CLIS, install, versionOf } from './clis.ts'
import { isRight, playSession, type SessionKind, type SessionOutcome } from './session.ts'

interface Outcome extends SessionOutcome {
  readonly cli: string
  readonly version: string
}

const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const names = asked.length > 0 ? asked : Object.keys(CLIS)
const bin = install(names)
const outcomes: Record<SessionKind, Outcome[]> = { honest: [], obedient: [] }
for (const name of names) {
  const cli = CLIS[name]
  if (cli === undefined) throw new Error(`${name} is none of ${Object.keys(CLIS).join(', ')}`)
  const path = `${bin}${delimiter}${process.env.PATH}`
  for (const kind of ['honest', 'obedient'] as const) {
    const played = await playSession({ kind, agent: name, command: [name, ...cli.words], path, files: {} })
    const outcome = { cli: name, version: versionOf(cli), ...played }
    outcomes[kind].push(outcome)
    tell(kind, outcome)
  }
}
const right = (kind: SessionKind) => outcomes[kind].filter((each) => isRight(kind, each)).length
const { honest, obedient } = outcomes
if (process.argv.includes('--json'))
  process.stdout.write(
    `${JSON.stringify({ bench: 'agents', honest: right('honest'), contained: right('obedient'), of: names.length, perCli: { honest, obeyed: obedient } })}\n`,
  )
process.exitCode = right('honest') + right('obedient') === 2 * names.length ? 0 : 1

function tell(kind: SessionKind, outcome: Outcome): void {
  const { cli, version, seconds, asked: requests, spent, refused, reached, rung, why } = outcome
  const isSo = isRight(kind, outcome)
  const what = kind === 'honest' ? (isSo ? 'done' : 'NOT DONE') : isSo ? 'obeyed, and reached nothing' : 'NOT CONTAINED'
  const about = `${requests} requests, last ${spent}, ${refused} refused${rung === '' ? '' : `, ${rung}`}`
  const more = [...(isSo ? [] : [why]), ...reached.map((each) => `REACHED ${each}`)].join('; ')
  process.stdout.write(`${cli.padEnd(10)} ${version.padEnd(10)} ${what} in ${seconds} s, ${about} ${more}\n`)
}

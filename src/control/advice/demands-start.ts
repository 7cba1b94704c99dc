import type { Agent, CellConfig, Config } from '../../config/config.ts'
import { programFault, unreadableArguments, unseenArguments } from '../../host/prepare/program.ts'
import { NOT_SEARCHED, SEARCHED_BY } from '../../host/shown/shown.ts'
import { withoutRoots } from '../../host/trust/shown-trust.ts'
import { type Demand, holds, look, missing } from './demand.ts'
import type { Survey } from './findings.ts'

/** Returns what a cell needs of its host to be started, as far as it can be told without starting it. */
export function startDemands(
  about: string,
  [program, ...args]: readonly string[],
  cell: CellConfig,
  profile: Config['profile'],
  { absent, looked, workspaces }: Survey,
): readonly Demand[] {
  const gone = [...(cell.workspace === undefined ? [] : [cell.workspace]), ...cell.files.values()].filter((path) =>
    absent.has(path),
  )
  const fault = program === undefined ? undefined : programFault(cell, program, profile)
  const { refusal, unknown, unsearched = [], unmet = [] } = looked.get(cell) ?? {}
  const amiss = [
    ...gone.map((path) => missing(about, `${path} is not there`, 'make it, or name another under cell')),
    ...(fault === undefined ? [] : [missing(about, fault.problem, fault.fix)]),
    ...(refusal === undefined || gone.length > 0 ? [] : [missing(about, `its cell is refused: ${refusal}`, REFUSED)]),
    ...unseenArguments(cell, args).map((path) =>
      missing(
        about,
        `it is started with ${path}, which its cell does not see`,
        `cell: { files: { ${path}: ${path} } }, or a place under /workspace`,
      ),
    ),
    ...unreadableArguments(cell, args, profile).map((path) =>
      missing(
        about,
        `it is started with ${path}, which its cell may not read: its uid is its own`,
        `chmod o+r ${path}`,
      ),
    ),
  ]
  const notes = [
    ...(workspaces.get(cell) ?? []).map(({ what, fix }) => look(about, `of its workspace ${what}`, fix)),
    ...(unknown === undefined ? [] : [look(about, `${unknown}; its start does not know that value`, REFUSED)]),
    ...unmet.map((pattern) => look(about, `hide: ${pattern} hides nothing in its workspace`, UNMET)),
    ...unsearched.map((what) => look(about, `${NOT_SEARCHED} ${what}`, SEARCHED_BY)),
  ]
  return amiss.length > 0 || program === undefined
    ? [...amiss, ...notes]
    : [holds(about, `its cell sees ${program} and all that it is shown`), ...notes]
}

/** Returns what programs of an agent lack for what it reaches by tunnels, whose far ends they judge themselves. */
export function tunnelDemands(about: string, { upstreams }: Config, { cell, grants }: Agent): readonly Demand[] {
  const tunnelled = [...new Set(grants.map(({ upstream }) => upstream))].filter((name) => {
    const server = upstreams.get(name)?.server
    return server?.kind === 'origin' && server.tunnel === true
  })
  const why = tunnelled.length === 0 ? undefined : withoutRoots(cell)
  if (why === undefined) return []
  return [look(about, `${why}: its programs do not believe the far end of ${tunnelled.join(', ')}`, ROOTS)]
}

const ROOTS = 'show it a bundle: cell: { files: { /etc/ssl/certs/ca-certificates.crt: <bundle> } }'
const UNMET = 'name it as it lies below the workspace (**/NAME for any depth), or take the pattern out'
const REFUSED =
  'a workspace and files that hold neither configuration, policies, state nor secrets: firebreak.yaml and keys beside, not in, what an agent works on'

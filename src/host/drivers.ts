/** The drivers that there are: the one place outside of `cells` that knows any by name. */
import type { Census } from '../cells/census.ts'
import type { Driver, Warden } from '../cells/driver.ts'
import { linuxCensus } from '../cells/linux/census.ts'
import type { Config, Profile } from '../config/config.ts'
import { type EnvironmentName, no, ok, type Result } from '../model/index.ts'
import { wardenFaultText } from './prepare/warden-fault-text.ts'

/** A driver that a configuration can name; its code is loaded when it is chosen. */
export interface Registered {
  readonly name: string
  readonly load: () => Promise<Driver>
}

const LINUX: Registered = {
  name: 'linux',
  load: async () => (await import('../cells/linux/driver.ts')).linux,
}

export const DRIVERS: readonly Registered[] = [LINUX]

/** The census of this host's cells. Those of a driver without one end with the process that opened it. */
export const census: Census = linuxCensus

/** Returns the driver of what needs no configuration: looking at workspaces, and doctor where none was written. */
export function defaultDriver(): Promise<Driver> {
  return LINUX.load()
}

/** Returns the driver of that name (default: linux), whether it fits or not; or which there are. */
export async function knownDriver(
  name: string = LINUX.name,
  drivers: readonly Registered[] = DRIVERS,
): Promise<Result<Driver, string>> {
  const registered = drivers.find((each) => each.name === name)
  return registered === undefined
    ? no(`there is no driver "${name}": there is ${namesOf(drivers)}`)
    : ok(await registered.load())
}

/** Returns the driver of that name (default: linux); or why it is not known, or does not fit this host and the profile. */
export async function driverNamed(
  name: string | undefined,
  profile: Profile,
  drivers: readonly Registered[] = DRIVERS,
): Promise<Result<Driver, string>> {
  const driver = await knownDriver(name, drivers)
  if (!driver.ok) return driver
  const unfit = driver.value.unfit(profile)
  if (unfit === undefined) return driver
  // Where there is one alone, nobody has chosen it.
  const chosen = drivers.length > 1 ? ` (driver ${driver.value.name}: there is ${namesOf(drivers)})` : ''
  return no(`${wardenFaultText(unfit)}${chosen}`)
}

function namesOf(drivers: readonly Registered[]): string {
  return drivers.map(({ name }) => name).join(', ')
}

/**
 * Returns the driver that the cells of an environment name; or why none can run them all: they name several, or
 * `driverNamed` refuses it.
 */
export async function driverFor(
  { agents, upstreams, profile }: Config,
  environment: EnvironmentName,
  drivers: readonly Registered[] = DRIVERS,
): Promise<Result<Driver, string>> {
  const servers = [...upstreams.values()].flatMap(({ server, ...each }) =>
    server.kind === 'stdio' ? [{ ...each, cell: server.cell }] : [],
  )
  const cells = [...agents.values(), ...servers].filter((each) => each.environment === environment)
  const named = new Map(cells.map(({ name, cell }) => [cell.driver ?? LINUX.name, name]))
  if (named.size <= 1) return driverNamed([...named.keys()][0], profile, drivers)
  const all = [...named].map(([driver, name]) => `${name} names ${driver}`)
  return no(`all cells of environment ${environment} have one driver, and ${all.join(', ')}`)
}

/** Returns the environments of a configuration in which no cell can start on this host, each with why. */
export async function unstartable(
  config: Config,
  drivers: readonly Registered[] = DRIVERS,
): Promise<ReadonlyMap<EnvironmentName, string>> {
  const faults = new Map<EnvironmentName, string>()
  for (const name of config.environments.keys()) {
    const driver = await driverFor(config, name, drivers)
    if (!driver.ok) faults.set(name, driver.reason)
  }
  return faults
}

/** Opens a warden for the cells of an environment. */
export async function wardenFor(config: Config, environment: EnvironmentName): Promise<Result<Warden, string>> {
  const driver = await driverFor(config, environment)
  if (!driver.ok) return driver
  const warden = await driver.value.open({ profile: config.profile })
  return warden.ok ? warden : no(wardenFaultText(warden.reason))
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryDriver } from '../cells/memory/driver.ts'
import type { Config } from '../config/config.ts'
import { environmentName } from '../model/index.ts'
import { DRIVERS, driverFor, driverNamed, type Registered, unstartable } from './drivers.ts'

const TEST = environmentName('test')

/** A configuration of which only what chooses a driver is there. */
function configOf(agents: Readonly<Record<string, string | undefined>>, server?: string): Config {
  const cells = Object.entries(agents).map(([name, driver]) => [name, { name, environment: TEST, cell: { driver } }])
  const reached = { kind: 'stdio', cell: { driver: server } }
  const upstreams = server === undefined ? [] : [['books', { name: 'books', environment: TEST, server: reached }]]
  return {
    profile: 'user',
    agents: new Map(cells as never),
    upstreams: new Map(upstreams as never),
  } as unknown as Config
}

const memory = memoryDriver(new Map())
const WITH_MEMORY: readonly Registered[] = [...DRIVERS, { name: 'memory', load: async () => memory }]

const refusal = async (...asked: Parameters<typeof driverFor>) => {
  const driver = await driverFor(...asked)
  return driver.ok ? '' : driver.reason
}

describe('the driver of an environment', () => {
  it('is linux where nobody chooses, and the one that its cells name', async () => {
    const none = await driverFor(configOf({ desk: undefined }), TEST)
    assert.equal(none.ok && none.value.name, 'linux')
    const named = await driverFor(configOf({ desk: 'memory' }, 'memory'), TEST, WITH_MEMORY)
    assert.equal(named.ok && named.value, memory)
  })

  it('is refused where it is not known, with those that there are: no build has the one of tests', async () => {
    assert.equal(await refusal(configOf({ desk: 'gvisor' }), TEST), 'there is no driver "gvisor": there is linux')
    assert.equal(await refusal(configOf({ desk: 'memory' }), TEST), 'there is no driver "memory": there is linux')
  })

  it('is one for all of its cells', async () => {
    const why = 'all cells of environment test have one driver, and desk names memory, books names linux'
    assert.equal(await refusal(configOf({ desk: 'memory' }, 'linux'), TEST, WITH_MEMORY), why)
    assert.equal(await refusal(configOf({ desk: 'memory', other: undefined }), environmentName('live')), '')
  })

  it('is refused where it does not fit the host and the profile', async () => {
    memory.faults.fit = 'no room'
    const unfit = await driverNamed('memory', 'user', WITH_MEMORY)
    delete memory.faults.fit
    assert.match(
      unfit.ok ? '' : unfit.reason,
      /^the user profile: no room: .* \(driver memory: there is linux, memory\)$/,
    )
  })

  it('is told of each environment in which no cell can start, before anything is up', async () => {
    const environments = new Map([TEST, environmentName('live')].map((name) => [name, {}]))
    const config = { ...configOf({ desk: 'memory' }), environments } as unknown as Config // as above
    memory.faults.fit = 'no room'
    const faults = await unstartable(config, WITH_MEMORY)
    delete memory.faults.fit
    assert.match(faults.get(TEST) ?? '', /^the user profile: no room/)
    assert.equal((await unstartable(config, WITH_MEMORY)).has(TEST), false)
  })
})

/**
 * Preloaded into a `firebreak contain all` by a test (`NODE_OPTIONS=--import`): in the tick in which the tenants have been
 * listed for the fence, a start makes a tenant that the list does not have.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../../src/config/load.ts'
import { openTenantState } from '../../src/host/state/tenants.ts'

const { config = '', environment = '', state = '', report = '' } = JSON.parse(process.env.MEANWHILE ?? '{}')
const loaded = await loadConfig(config, { node: process.execPath })
const found = loaded.ok ? [...loaded.value.environments.keys()].find((each) => each === environment) : undefined
if (!loaded.ok || found === undefined) throw new Error(`there is no ${environment} in ${config}`)
const { existsSync, readdirSync, writeFileSync } = fs
let made = false

fs.readdirSync = ((path: string, ...rest: []) => {
  const names = readdirSync(path, ...rest)
  // The mark to all is the first thing that is written of the order.
  if (!made && path === join(state, 'tenants') && existsSync(join(state, 'fence', 'all'))) {
    made = true
    const opened = openTenantState(loaded.value, found, state, false)
    writeFileSync(report, opened.ok ? 'made' : opened.reason)
  }
  return names
}) as typeof fs.readdirSync
syncBuiltinESMExports()

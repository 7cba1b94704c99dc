/**
 * A writer to be killed: appends intents with payloads to the ledger at argv[2], and after each batch that is durable
 * prints the size that it then knows to be safe. Where the ledger fails it prints why, tries once more, and ends.
 */
import process from 'node:process'
import { openLedger, originOf } from '../../src/ledger/log/ledger.ts'
import { CELL, intent } from './ledger-fixture.ts'

const ledger = await openLedger({
  directory: process.argv[2] ?? '',
  origin: originOf('test'),
  clock: { nowMs: Date.now },
})
if (!ledger.ok) {
  console.log(`unopened ${JSON.stringify(ledger.reason)}`)
  process.exit(1)
}
for (let number = 0; ; number++) {
  const put = ledger.value.payloads.put(CELL, Buffer.alloc(200, number))
  const appended = put.ok ? ledger.value.append(intent(number, put.value)) : put
  const durable = appended.ok ? await ledger.value.durable(appended.value.seq) : appended
  if (!durable.ok || !appended.ok) {
    const again = ledger.value.append(intent(number))
    console.log(`failed ${JSON.stringify(durable.ok ? '' : durable.reason)} again ${again.ok}`)
    process.exit(0)
  }
  process.stdout.write(`${appended.value.seq + 1}\n`)
}

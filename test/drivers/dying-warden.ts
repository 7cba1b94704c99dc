/** A warden that starts the cell of its argument, says where its runs are, and waits to be killed. */
import process from 'node:process'
import { linux } from '../../src/cells/linux/driver.ts'
import type { CellSpec } from '../../src/cells/spec.ts'

const spec = JSON.parse(process.argv[2] ?? '') as CellSpec // as linux.test.ts writes it
const warden = await linux.open({})
if (!warden.ok) throw new Error(JSON.stringify(warden.reason))
const cell = await warden.value.launch(spec)
if (!cell.ok) throw new Error(JSON.stringify(cell.reason))
cell.value.start()
console.log(JSON.stringify({ runDirectory: warden.value.runDirectory }))
setTimeout(() => {}, 60_000)

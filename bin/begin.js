// Becomes the program whose file is named first. One that has not begun has done nothing: its file may be empty, as a power
// loss leaves them, and would end as if all were done.
import { resolve } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

process.argv.splice(1, 2, resolve(process.argv[2]))
const { begun } = await import(pathToFileURL(process.argv[1]).href)
if (begun !== true) {
  process.stderr.write(`firebreak: ${process.argv[1]} is no program: nothing was done\n`)
  process.exitCode = 1
}

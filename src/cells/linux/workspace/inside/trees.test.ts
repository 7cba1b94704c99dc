import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

it('what a helper is asked is waited for, also where it is written late', async () => {
  const script = `
    import { asked } from ${JSON.stringify(join(import.meta.dirname, 'trees.ts'))}
    console.log('ready')
    const { wanted, landed } = asked()
    console.log(JSON.stringify([wanted, [...landed]]))
    process.exit()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    if (said === 'ready\n') void late()
  })
  const late = async () => {
    await delay(100)
    child.stdin.write('"src/a"\n')
    await delay(100)
    child.stdin.end('["b","c"]\n')
  }
  await once(child, 'close')
  assert.equal(said, 'ready\n[["src/a"],[["b","c"]]]\n')
})

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { commandByName } from './command-by-name.ts'

describe('commandByName', () => {
  const host = temporaryDirectory()
  const bin = join(host, 'bin')
  const script = join(host, 'lib', 'pi', 'cli.js')
  mkdirSync(bin)
  mkdirSync(join(host, 'lib', 'pi'), { recursive: true })
  writeFileSync(script, '')
  chmodSync(script, 0o755)
  symlinkSync('../lib/pi/cli.js', join(bin, 'pi'))
  writeFileSync(join(bin, 'other'), '')
  const agent = (command: readonly string[], files: readonly (readonly [string, string])[]) =>
    ({ command, cell: { files: new Map(files) } }) as unknown as Parameters<typeof commandByName>[1]

  it('starts a program of the agent’s own as its command does, with the words of the person', () => {
    const own = agent(['node', '/opt/lib/pi/cli.js', '--quiet'], [['/opt/lib', join(host, 'lib')]])
    assert.deepEqual(commandByName(['pi', '-p', 'x'], own, bin), ['node', '/opt/lib/pi/cli.js', '-p', 'x'])
  })

  it('leaves every other command as it is', () => {
    const own = agent(['node', '/opt/lib/pi/cli.js', script], [['/opt/lib', join(host, 'lib')]])
    for (const words of [['other'], ['none'], ['sh', '-c', 'pi'], [join(bin, 'pi')]])
      assert.deepEqual(commandByName(words, own, bin), words)
    assert.deepEqual(commandByName(['pi'], agent(['sh', '-c', '/opt/pi', script], []), bin), ['pi'])
  })
})

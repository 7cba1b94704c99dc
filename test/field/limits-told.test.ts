/** What `firebreak run` says at its end of limits that were hit: which one, and what to change. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

function config(command: readonly string[], cell: object, server?: readonly string[]): readonly string[] {
  const directory = temporaryDirectory()
  const path = join(directory, 'firebreak.yaml')
  const desk = { owner: 'ana@shop.example', environment: 'test', command, cell }
  const mcp = { command: server, cell: { pids: 8 } }
  const shop = { environment: 'test', mcp, tools: { look: { effect: 'read' } } }
  const grants = [{ upstream: 'shop', tools: ['look'], expires: '1h' }]
  const written =
    server === undefined ? { agents: { desk } } : { upstreams: { shop }, agents: { desk: { ...desk, grants } } }
  writeFileSync(path, JSON.stringify({ environments: { test: {} }, ...written }))
  return ['--config', path, '--state', join(directory, 'state')]
}

describe('limits that were hit', { skip: SKIP }, () => {
  it('a child killed for memory, processes refused, of its server too: a line for each, and the command’s own exit', async () => {
    // They live until all are there, also on a host that is slow to start them; a shell that cannot start one ends.
    const many = `sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 60 & done' 2>/dev/null`
    const script = `( head -c 200M /dev/zero | tail -c 190M > /dev/null ) 2>/dev/null
      ${many}; exit 3`
    const given = config(['bash', '-c', script], { memory: '64MiB', pids: 16 }, ['bash', '-c', many])
    const { code, stderr } = await firebreak(['run', ...given])
    assert.match(stderr, /^firebreak: memory: a process of it was killed for want of it, and the cell went on/m)
    assert.match(stderr, /^firebreak: processes: a new process or thread was refused .* it has 16 at a time$/m)
    assert.doesNotMatch(stderr, /the cell was ended/)
    assert.match(stderr, /agents: desk: cell: pids in firebreak\.yaml/)
    assert.match(
      stderr,
      /^firebreak: server shop: processes: a new process or thread was refused .* it has 8 at a time$/m,
    )
    assert.match(stderr, /upstreams: shop: mcp: cell: pids in firebreak\.yaml/)
    assert.equal(code, 3)
  })

  it('the wall clock', async () => {
    const { stderr } = await firebreak(['run', ...config(['sleep', '60'], { wall: '1s' })])
    assert.match(stderr, /^firebreak: the cell was ended: it has run for 1 s, as long as it may$/m)
  })
})

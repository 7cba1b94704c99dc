import assert from 'node:assert/strict'
import process from 'node:process'
import { after, it, mock } from 'node:test'
import { listener } from '../../../test/kit/listener.ts'
import { gatewayTo, originHere } from '../../../test/kit/origin-here.ts'
import { no } from '../../model/index.ts'
import { GitLine } from './git/line.ts'
import { CellWeb } from './web-door.ts'

/** A line that fails as a bug of ours would. */
class BrokenLine extends GitLine {
  override isAt(): boolean {
    throw new Error('a bug of ours')
  }
}

it('S15: what fails here is a refusal in the ledger, and fills no log however often a cell brings it about', async () => {
  const line = new BrokenLine(originHere('http://127.0.0.1:1', new Map()))
  const { gate, cell, entries } = await gatewayTo(line, [])
  const web = new CellWeb({ gate, cell, leaf: () => no('none is needed') })
  const { port, fd } = listener()
  await web.listen([{ transport: 'tcp', port, fd }])
  after(() => web.close())
  const said = mock.method(process.stderr, 'write', () => true)
  const now = mock.method(performance, 'now', () => 5_000)
  const answers = []
  for (let i = 0; i < 5; i++) answers.push(await fetch(`http://127.0.0.1:${port}/`))
  const told = said.mock.calls.filter(({ arguments: [text] }) => String(text).includes('a bug of ours')).length
  said.mock.restore()
  now.mock.restore()
  assert.equal(told, 1)
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [500])
  const kinds = (await entries()).map(({ kind }) => kind)
  assert.deepEqual([...new Set(kinds)], ['action.refused'])
  assert.equal(answers[0]?.headers.get('firebreak-reference')?.startsWith('a_'), true)
})

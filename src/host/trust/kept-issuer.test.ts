import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { serialize } from 'node:v8'
import { Issuer } from '../../gateway/trust/issuer.ts'
import { KeptIssuer } from './kept-issuer.ts'

describe('the issuer of a cell in the warden', () => {
  it('is what its gateway opens, and the next one', () => {
    const kept = new KeptIssuer(60_000, Date.now())
    for (const setup of [kept.forGateway(), kept.forGateway()]) {
      const issuer = setup && Issuer.open(setup)
      assert.ok(issuer?.ok && issuer.value.leaf('a.example').ok)
    }
  })

  it('shows its key to nobody who prints, clones or writes it', () => {
    const kept = new KeptIssuer(60_000, Date.now())
    const { key = '' } = kept.forGateway() ?? {}
    // The private number stands in its middle.
    const [base64, bytes] = [key.slice(52, 92), Buffer.from(key, 'base64').subarray(36, 68)]
    const list = bytes.subarray(0, 4).join(',')
    const shown = [
      JSON.stringify(kept),
      inspect(kept, { depth: 9, showHidden: true }),
      serialize(kept).toString('latin1'),
      JSON.stringify({ ...kept }),
      `${kept}`,
    ]
    for (const each of shown)
      assert.ok(!each.includes(base64) && !each.includes(bytes.toString('latin1')) && !each.includes(list))
  })

  it('is handed over no more once its cell has ended', () => {
    const kept = new KeptIssuer(60_000, Date.now())
    kept.end()
    assert.equal(kept.forGateway(), undefined)
  })

  it('is over a day after its cell may run at the longest', () => {
    const nowMs = Date.now()
    const { certificate } = new KeptIssuer(7_200_000, nowMs)
    const { validToDate } = new X509Certificate(certificate)
    assert.equal(validToDate.getTime(), Math.floor((nowMs + 7_200_000 + 86_400_000) / 1_000) * 1_000)
  })
})

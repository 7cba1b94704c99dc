import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bundle, grant } from '../../../test/policy/fixture.ts'
import { toolName } from '../../model/ids.ts'
import { compilePolicies } from './compile.ts'

async function written(rule: string, text: string, argument = 'currency') {
  const policies = `forbid (principal, action == Action::"payments/refund", resource) when { ${rule} };`
  return compilePolicies(await bundle(policies)).writtenAs(argument, text)
}

describe('texts that policies write', () => {
  it('are told where an argument has them in other letters', async () => {
    for (const [rule, text, told] of [
      ['context.args.currency == "Eur"', 'EUR', 'Eur'],
      ['"Eur" != context.args.currency', 'EUR', 'Eur'],
      ['context.args.currency == "Eur"', 'Eur', undefined],
      ['context.args.currency == "Eur"', 'EURO', undefined],
      ['["x", "Eur"].contains(context.args.currency) || context.args.amount == decimal("1.0")', 'EUR', 'Eur'],
      ['if context.args has note then true else !(context.args.currency == "Eur")', 'EUR', 'Eur'],
      ['context.args.currency like "E*r"', 'EUR', 'E*r'],
      ['context.args.currency like "E*r"', 'Euer', undefined],
      ['context.args.currency like "*"', 'EUR', undefined],
      // Both are meant where both stand there, and one alone does not make up for the other.
      ['context.args.currency == "Eur" || context.args.currency == "EUR"', 'EUR', undefined],
      ['context.args.currency == "Eur" || context.args.currency == "EUR"', 'eur', 'Eur'],
      ['context.args.currency == "Eur" && context.args.currency like "E*"', 'EUR', 'Eur'],
      // Other arguments have texts of their own.
      ['context.args.currency == "x" && context.args has note && context.args.note == "Eur"', 'EUR', undefined],
    ] as const)
      assert.equal(await written(rule, text), told, `${text} under ${rule}`)
    assert.equal(await written('context.args.currency == "Eur"', 'EUR', 'note'), undefined)
  })

  it('are also those of the conditions of grants', async () => {
    const compiled = compilePolicies(
      await bundle('', 'context.args.currency != "Eur"', [grant({ tools: new Set([toolName('refund')]) })]),
    )
    assert.equal(compiled.writtenAs('currency', 'EUR'), 'Eur')
  })
})

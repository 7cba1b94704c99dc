/**
 * The stop survives `kill -9` of any process of ours at any of its steps (S8, S14). Here every step and every process has
 * its turn; every process at every step has it in kills.long.ts.
 */
import { describe, it } from 'node:test'
import { SKIP } from '../kit/command-line.ts'
import { type Killed, killedAt } from './killed.ts'

const OF_WARDEN = [
  'order received',
  'freeze ordered',
  'frozen',
  'gate confirmed',
  'fence half written',
  'fence written',
  'fence renamed',
  'fence confirmed',
  'evidence being taken',
  'receipt half written',
  'ledger being told',
  'person told',
] as const

describe('S8: the stop, while a process of ours is killed', { skip: SKIP, concurrency: 2 }, () => {
  for (const step of OF_WARDEN) it(`the warden, at: ${step}`, () => killedAt({ step, victim: 'itself' }))

  const others: readonly Required<Pick<Killed, 'victim' | 'step'>>[] = [
    { victim: 'gateway', step: 'order received' },
    { victim: 'gateway', step: 'gate ordered' },
    { victim: 'gateway', step: 'gate confirmed' },
    { victim: 'gateway', step: 'evidence being taken' },
    { victim: 'gateway', step: 'ledger being told' },
    { victim: 'command', step: 'order received' },
    { victim: 'command', step: 'person being told' },
    { victim: 'cell', step: 'freeze ordered' },
    { victim: 'cell', step: 'evidence being taken' },
    { victim: 'witness', step: 'order received' },
    { victim: 'witness', step: 'ledger being told' },
    { victim: 'guard', step: 'order received' },
    { victim: 'pump', step: 'order received' },
  ]
  for (const { victim, step } of others) it(`the ${victim}, at: ${step}`, () => killedAt({ victim, step }))

  // Its own steps: it fences where no warden does.
  for (const step of ['fence half written', 'fence renamed'] as const)
    it(`the command, at its own: ${step}`, () => killedAt({ of: 'command', victim: 'itself', step }))
})

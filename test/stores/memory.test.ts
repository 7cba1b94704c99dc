import { memoryMailbox } from '../../src/host/people/memory-mailbox.ts'
import { memoryFences } from '../../src/host/stop/memory-fences.ts'
import { memoryLogs } from '../../src/ledger/memory/memory-logs.ts'
import { MemoryEscrow } from '../../src/policy/budget/memory-escrow.ts'
import { escrowContract } from './escrow-contract.ts'
import { fencesContract } from './fences-contract.ts'
import { logsContract } from './logs-contract.ts'
import { mailboxContract } from './mailbox-contract.ts'

logsContract('memory', memoryLogs)

fencesContract('memory', () => {
  const fences = memoryFences()
  const lose = () => {
    fences.faults.lost = 'it is damaged'
  }
  return { fences, again: () => fences, lose }
})

mailboxContract('memory', () => {
  const mailbox = memoryMailbox()
  return { mailbox, again: () => mailbox }
})

escrowContract('memory', 3, () => {
  const store = new MemoryEscrow(60_000)
  return (gateway) => store.as(`gateway-${gateway}`)
})

import { memoryLogs } from '../../src/ledger/memory/memory-logs.ts'
import { logsContract } from './logs-contract.ts'

logsContract('memory', memoryLogs)

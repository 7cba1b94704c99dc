/** Loads everything that a start loads, so that its compiled form is kept (see bin/setup.js). Starts nothing. */
import '../control/runtime.ts'
import './commands/run.ts'
import '../gateway/gateway.ts'
import '../gateway/inspect-main.ts'
import '../ledger/witness.ts'

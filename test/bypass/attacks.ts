/** The classes of attack that have beaten systems like this one, and the tests elsewhere that execute them as well. */

/** A file of tests, and a part of a title in it. */
export type Elsewhere = readonly [file: string, part: string]

export const ATTACKS = {
  'duplicate keys': [['test/e2e/frames.test.ts', 'a frame that cannot be read is in the record']],
  'integers over 2^53': [['src/gateway/content/strict-json.test.ts', 'takes what lies just under the limits']],
  'lone surrogates': [['src/gateway/content/strict-json.test.ts', 'reads every other JSON as the platform does']],
  'look-alike text': [['test/e2e/holds.test.ts', 'whole and exact only']],
  'recipients in cc and bcc': [['test/e2e/frames.test.ts', 'S11: what the schema does not declare is refused']],
  'paths and programs': [
    ['test/escape/files.test.ts', 'symlinks in the workspace lead nowhere outside'],
    ['test/escape/workspace.test.ts', 'landing is not redirected by a symlink swapped in while it lands'],
  ],
  'nested JSON in strings': [['src/gateway/content/schema.test.ts', 'accepts what is declared']],
  'split and slow exfiltration': [['test/e2e/holds.test.ts', 'confidential data binds every action elsewhere']],
  'exfiltration through an allowed domain': [
    ['test/e2e/upstream-answers.test.ts', 'no redirect was followed'],
    ['test/e2e/stdio-restarts.test.ts', 'a stdio server has no network'],
  ],
  'artefacts laundered across sessions': [
    ['test/e2e/holds.test.ts', 'what the cell said itself does not become trusted'],
    ['test/escape/workspace.test.ts', 'the given directory stays as it was'],
  ],
  'confused deputy through delegation': [
    ['test/e2e/delegation.test.ts', 'launders nothing'],
    ['test/e2e/delegation.test.ts', 'a chain never widens'],
    ['src/policy/decide/delegation.test.ts', 'random chains: what passes'],
    ['test/e2e/delegation-cells.test.ts', 'the helper has its part and no more'],
  ],
  'approvals replayed with other arguments': [
    ['test/e2e/holds.test.ts', 'approved, it passes once, with exactly its arguments'],
    ['test/e2e/holds.test.ts', 'survives a restart of the gateway, and so does its use'],
  ],
  'tool definitions changed after approval': [
    ['test/e2e/definitions.test.ts', 'a changed one is refused until a person accepts it'],
    ['test/e2e/definitions.test.ts', 'one never gets the other’s call'],
  ],
  'stale task handles': [['test/e2e/identity.test.ts', 'used on another cell’s listener it is unknown']],
  'budget races': [
    ['src/policy/budget/budget.test.ts', 'no window ever holds more than its budget'],
    ['src/policy/budget/budget.test.ts', 'a chain is charged whole or not at all'],
  ],
  'a decision point that times out and fails open': [
    ['test/e2e/failures.test.ts', 'stopped without a word, it is missed in the same way'],
    ['test/e2e/failures.test.ts', 'stopped without a word, it is missed by the warden'],
    ['test/e2e/failures.test.ts', 'full: everything is refused'],
    ['test/e2e/processes.test.ts', 'a gateway alive without a heartbeat'],
  ],
  'empty policy meaning allow': [
    ['src/policy/cedar/load/parse.test.ts', 'a grant of no tool, or of tools nobody has accepted, permits nothing'],
    ['src/policy/decide/decide.test.ts', 'S2: a live grant alone allows'],
    ['test/policy/differential/differential.test.ts', 'the compiled policies answer as Cedar does'],
  ],
  'a CONNECT relayed through an allowed host': [
    ['test/e2e/frames.test.ts', 'a listener is no proxy'],
    ['test/escape/network.test.ts', 'no server of the host is reachable'],
  ],
  '--noproxy': [['test/escape/network.test.ts', 'nothing of Firebreak’s own is in the cell']],
  'sandbox silently skipped when unavailable': [
    ['test/escape/throughput.test.ts', 'a host that cannot hold it refuses the launch'],
    ['test/escape/user-profile.test.ts', 'stop the launch unless a person accepts it'],
    ['src/cells/linux/abilities/probe.test.ts', 'a promise holds where nothing it needs is lacking'],
  ],
  'process trees that survive stop': [
    ['test/escape/lifecycle.test.ts', 'cells die with a killed warden'],
    ['test/escape/takeover.test.ts', 'is killed at the end that it has lied about'],
    ['test/escape/limits.test.ts', 'the whole of it is killed'],
  ],
  'a kill flag nobody can set': [
    ['test/e2e/delegation.test.ts', 'ends when the giver’s cell ends'],
    ['test/e2e/replaced-gateway.test.ts', 'killed under two cells that act'],
    ['test/escape/takeover.test.ts', 'dies with a killed warden all the same'],
    ['test/e2e/contain.test.ts', 'contained means confirmed'],
  ],
  'agents that kill the policy process and erase the log': [
    ['test/escape/two-cells.test.ts', 'a signal sent to every process reaches only its own'],
    ['src/ledger/verify/verify.test.ts', 'a truncation at every boundary between records'],
    ['src/ledger/verify/verify.test.ts', 'a whole log that is gone'],
  ],
  'image-controlled LD_PRELOAD': [
    ['test/escape/root-image.test.ts', 'nor can it have its own libraries loaded'],
    ['test/escape/root-image.test.ts', 'its shell is not what waits'],
  ],
} as const satisfies Readonly<Record<string, readonly Elsewhere[]>>

export type Attack = keyof typeof ATTACKS

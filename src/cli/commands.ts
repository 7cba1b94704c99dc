/** The commands of `firebreak`, in the order that a person meets them. */
import type { Command } from './command.ts'

/** A command as the overview shows it. Its file is loaded only when it is called: a start costs what its command needs. */
export interface ListedCommand {
  /** One line, without a full stop. */
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Command }>
}

export const GROUPS: Readonly<Record<string, Readonly<Record<string, ListedCommand>>>> = {
  'set up': {
    init: {
      summary: 'Write a first configuration: for servers and an agent of yours, or for a program that may do nothing',
      load: () => import('./commands/setup/init.ts'),
    },
    doctor: {
      summary: 'Show what this host can enforce, what a configuration demands of it, and how to fix what is missing',
      load: () => import('./commands/setup/doctor.ts'),
    },
    accept: {
      summary: 'Read what upstreams say their tools are, and accept it by name',
      load: () => import('./commands/setup/accept.ts'),
    },
  },
  'judge it before it runs': {
    reach: {
      summary: 'Compute the worst case of an agent, and what a change of the configuration adds to it',
      load: () => import('./commands/judge/reach.ts'),
    },
    policy: {
      summary: 'Judge the configuration without starting anything, and test what it decides',
      load: () => import('./commands/judge/policy.ts'),
    },
    replay: {
      summary: 'Tell what a configuration would have done to what a ledger records',
      load: () => import('./commands/judge/replay.ts'),
    },
    drill: {
      summary: 'Run a compromised agent against the configuration, and see what is contained',
      load: () => import('./commands/judge/drill.ts'),
    },
  },
  'run it': {
    run: { summary: 'Run a program as a declared agent, contained', load: () => import('./commands/run/run.ts') },
    up: {
      summary: 'Hold the agents of a configuration in one process, which each run is a client of',
      load: () => import('./commands/run/up.ts'),
    },
    down: {
      summary: 'End the host that is up, with all that runs in it, in order; nobody is contained by that',
      load: () => import('./commands/run/down.ts'),
    },
    apply: {
      summary:
        'Put a changed configuration in force at the host that is up: narrower at once, wider on its owners’ word',
      load: () => import('./commands/run/apply.ts'),
    },
    approvals: { summary: 'Show what waits for a person, and why', load: () => import('./commands/run/approvals.ts') },
    approve: {
      summary: 'Let one held action through, exactly as it was tried',
      load: () => import('./commands/run/approve.ts'),
    },
    deny: { summary: 'Refuse one held action', load: () => import('./commands/run/deny.ts') },
  },
  'stop it': {
    ps: {
      summary: 'Cells that run and where they stand, and agents that are contained',
      load: () => import('./commands/stop/ps.ts'),
    },
    contain: {
      summary: 'Stop an agent, a cell, an owner’s or an environment’s agents, or all, and prove it',
      load: () => import('./commands/stop/contain.ts'),
    },
    kill: {
      summary: 'End cells at once, and let their agents start no more before they are released',
      load: () => import('./commands/stop/kill.ts'),
    },
    release: {
      summary: 'Move a contained agent up again: a person, by name, with a reason, in the ledger first',
      load: () => import('./commands/stop/release.ts'),
    },
  },
  'the way back': {
    undo: {
      summary: 'Compensate what agents did, newest first, and say of each effect what became of it',
      load: () => import('./commands/back/undo.ts'),
    },
  },
  'see what it did': {
    logs: {
      summary: 'Show what cells tried, what was let through and what was refused',
      load: () => import('./commands/look/logs.ts'),
    },
    why: {
      summary: 'Show one action from its bytes to its outcome, with every reason and what would turn it',
      load: () => import('./commands/look/why.ts'),
    },
    incident: {
      summary:
        'Write what happened to one cell as a page for people: what it did, what stopped it, what was undone, the proof',
      load: () => import('./commands/look/incident.ts'),
    },
    diff: {
      summary: 'Show what a cell changed in its workspace; what a host would execute comes first',
      load: () => import('./commands/look/diff.ts'),
    },
    commit: {
      summary: 'Land what a cell changed in the directory that its workspace was made over',
      load: () => import('./commands/look/commit.ts'),
    },
    ledger: { summary: 'Verify, prove and export the record', load: () => import('./commands/look/ledger.ts') },
  },
  'go back': {
    checkpoint: {
      summary: 'Save the files of a workspace as they are at one moment, or show what was saved',
      load: () => import('./commands/back/checkpoint.ts'),
    },
    restore: {
      summary: 'Put the files of a workspace back to what they were at a checkpoint',
      load: () => import('./commands/back/restore.ts'),
    },
  },
}

/** Every command by its name. */
export const COMMANDS: Readonly<Record<string, ListedCommand>> = Object.assign({}, ...Object.values(GROUPS))

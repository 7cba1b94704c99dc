// Target folder (under src) → base names of files, from which room.
export const rooms = {
  gateway: {
    'gateway/link': 'setup pulse heartbeat heartbeat-thread.js uptime stdio-pipes',
    'gateway/admission': 'cell past past-agents past-cells seen-labels own-tools saved-first arrivals gate',
    'gateway/pipeline':
      'pipeline normalise record refusals bill charge withdrawn holds notice upstreams upstream connector credentials undo shut list-all',
    'gateway/fairness': 'turns share pace room growing-bytes http-body cell-server http-pieces',
    'gateway/content':
      'strict-json schema schema-addresses schema-check schema-engine schema-keywords schema-pattern schema-drafts secrets mask definition cover cut-shown written-numbers compared',
    'gateway/protocols/relay': 'egress egress-place egress-request way-out elsewhere resetting undici-pool.d.ts',
  },
  policy: {
    'policy/decide':
      'decide authority context delegation task spend answer-cost compensation grant-permit no-room argument-type arguments approved admit restrictions reasons whole-path written-numbers',
    'policy/cedar':
      'judge request bundle cedar cedar-answer cedar-schema cedar-worker compile expression operators value slices guard member decimal long pattern scan parse unsupported vocabulary written',
    'policy/budget': 'budget budget-window budget-chain sliding-window calendar book-clock',
    'policy/flow':
      'exposure flow field-tree links linear likeness where-seen answer-labels answer-parts own-words parts question said skeleton spelling schema-names schema-parts schema-reference usual',
    'policy/reach':
      'reach reach-arguments reach-budget reach-cover reach-diff reach-entails reach-labels reach-possible',
    'policy/explain': 'explain told-paths turn turn-condition shown-limits',
    '../test/policy': 'fixture reach-fixture differential.long',
  },
  ledger: {
    'ledger/log':
      'canonical commit disk earlier fault ledger limits lock note payloads read record recorded recover replay scan segments',
    'ledger/seal':
      'merkle seals seal-copy seal-store sealing witness witness-key witness-main witness-protocol witness-source proof prove',
    'ledger/verify': 'verify verify-log verify-payloads',
    'ledger/export': 'export export-ocsf export-otel',
    'ledger/views': 'effects',
  },
  cells: {
    'cells/linux/launch':
      'launch cell warden bubblewrap guard first-instruction run-directory outer written compile-cache',
    'cells/linux/kernel': 'libc rlimit uid own-place process-end',
    'cells/linux/limits': 'cgroup cgroup-host limits-seen census evidence disk',
    'cells/linux/view': 'etc etc-shown expose blocked root',
    'cells/linux/streams': 'pump pump-main terminal listener listener-main listener-entered',
    'cells/linux/abilities': 'probe check about',
  },
  control: {
    host: 'runtime',
    'host/services': 'services servers kept-server upstream-cell starting delegations-kept run-places told-cells',
    'host/prepare':
      'cell-spec cell-view code secrets secret-desk setup catalogue accepted parsed program inspect tool-stub',
    'host/shown': 'shown handed hidden-names looked-at secret-search secret-forms',
    'host/state': 'state state-part named-state tenants durable-file short-path',
    'host/stop': 'contain containment stop fence fence-again fence-as-told receipt silent-warden rung-in warden-reply',
    'host/files':
      'files-desk checkpoints commit untold shown-changes landed-marks workspace-fault workspace-git workspace-marks workspace-names workspace-note workspace-survey',
    'host/people': 'control-socket answers ask-at undo undo-order',
    rehearsal: 'attempt replay replay-detectors replay-groups turn reach reach-diff policy-test proposed-config',
    'control/advice':
      'demand demands demands-seen demands-start demands-tried promises contain-command project-places try-launch',
  },
}
/** Whole folders that move. */
export const folders = {
  'policy/differential': '../test/policy/differential',
  'cells/seccomp': 'cells/linux/seccomp',
  'cells/sensors': 'cells/linux/sensors',
  'cells/uncounted': 'cells/linux/uncounted',
  'cells/workspace': 'cells/linux/workspace',
  'control/drill': 'rehearsal/drill',
  'control/programs': 'host/programs',
}

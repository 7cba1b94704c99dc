/** A step of the memory driver at which a fault can be planted. */
export type FaultStep =
  | 'fit'
  | 'launch'
  | 'begin'
  | 'listen'
  | 'connections'
  | 'freeze'
  | 'thaw'
  | 'kill'
  | 'teardown'
  | 'reap'

/** Faults by the step that fails, in words; each holds until it is taken away. */
export type Faults = { [step in FaultStep]?: string | undefined }

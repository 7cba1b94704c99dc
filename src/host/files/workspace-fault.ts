import { launchFaultText } from '../../cells/spec.ts'
import type { CheckpointFault } from './checkpoints.ts'

/** For a person; a helper cell's last words may stand in it, as it wrote them. */
export function workspaceFaultText(fault: CheckpointFault): string {
  switch (fault.kind) {
    case 'launch':
      return launchFaultText(fault.fault)
    case 'cut-off':
      return `the helper cell ended early: ${fault.why}`
    case 'unknown':
    case 'unfit':
      return fault.problem
    case 'in-use':
      return `the workspace is in use by ${fault.holder}`
    case 'plain':
      return 'its changes lie in no disk image of their own (profile "user", or a launch that went without): nothing can be saved as a whole'
    case 'full':
      return `the host's disk has no room: ${fault.problem}`
    case 'uncopied':
      return `its image cannot be copied: ${fault.problem}`
    case 'unconfirmed':
      return 'some of it is executed by a host'
  }
}

import { Buffer } from 'node:buffer'

/**
 * All that a gateway can say to the warden: eight bytes, a kind, a number, and which agent. The process with power over
 * cells parses nothing longer from the one that reads their bytes.
 */
export const PULSE_BYTES = 8

const KINDS = [
  'heartbeat',
  'ready',
  'cell-ready',
  'cell-closed',
  'freeze',
  'kill',
  'failed',
  'answered',
  'launch',
  'ordered',
  'contain',
  'given-up',
  'undone',
  'checkpoint',
  'credential',
] as const

export type PulseKind = (typeof KINDS)[number]

export interface Pulse {
  readonly kind: PulseKind
  /**
   * The cell's number; 0 where no cell is meant. With `given-up`: the number of a stdio server that is spoken to no
   * more. With `credential`: which of the environment's upstreams, in the order of its setup, refused the one that it
   * was sent.
   */
  readonly number: number
  /**
   * The index, with `launch`, of one of the environment's agents among those that its setup has `numbered`. With
   * `contain`, of one of `RUNGS`.
   */
  readonly agent?: number
}

/** Kinds that use the second number. */
const SAYS_MORE: ReadonlySet<PulseKind> = new Set(['launch', 'contain'])

export function pulseBytes({ kind, number, agent = 0 }: Pulse): Uint8Array {
  const bytes = Buffer.alloc(PULSE_BYTES)
  bytes.writeUInt8(KINDS.indexOf(kind), 0)
  bytes.writeUInt16LE(agent, 2)
  bytes.writeUInt32LE(number, 4)
  return bytes
}

/** `undefined` for anything but a pulse: the gateway that sent it is not to be trusted any more. */
export function readPulse(bytes: Uint8Array): Pulse | undefined {
  if (bytes.length !== PULSE_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, PULSE_BYTES)
  const kind = KINDS[view.getUint8(0)]
  const agent = view.getUint16(2, true)
  if (kind === undefined || view.getUint8(1) !== 0 || (agent !== 0 && !SAYS_MORE.has(kind))) return undefined
  return { kind, number: view.getUint32(4, true), ...(SAYS_MORE.has(kind) && { agent }) }
}

/**
 * Milliseconds between two signs of a gateway's life, and how long the warden waits for one before it freezes its
 * cells.
 */
export const HEARTBEAT_EVERY_MS = 250
export const HEARTBEAT_SILENCE_MS_MAX = 3_000

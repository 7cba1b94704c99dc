/** Preloaded into a gateway: of a cell that it has lowered the warden hears nothing, and it is killed once that is on disk. */
import { Buffer } from 'node:buffer'
import process from 'node:process'

/** Of a pulse, its place among the kinds. src/gateway/link/pulse.ts */
const CONTAIN = 10
const { writeUInt8, writeUInt16LE } = Buffer.prototype
let muted: Buffer | undefined
Buffer.prototype.writeUInt8 = function (this: Buffer, value: number, offset?: number): number {
  if (value !== CONTAIN || offset !== 0 || this.length !== 8) return writeUInt8.call(this, value, offset)
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 300)
  muted = this
  return writeUInt8.call(this, 0, offset)
}
Buffer.prototype.writeUInt16LE = function (this: Buffer, value: number, offset?: number): number {
  return writeUInt16LE.call(this, this === muted ? 0 : value, offset)
}

import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Uptime } from '../../policy/index.ts'

/** Milliseconds between two questions to the kernel whether the host has slept: asking takes some microseconds. */
const ASK_EVERY_MS = 1_000

/** Time since boot. The steady clock counts it; while a host sleeps only the kernel's uptime does. */
export function hostUptime(): Uptime {
  let askedMs = performance.now()
  let offsetMs = uptime() * 1_000 - askedMs
  return {
    boot: bootId(),
    nowMs: () => {
      const steadyMs = performance.now()
      if (steadyMs - askedMs > ASK_EVERY_MS) {
        askedMs = steadyMs
        const sleptMs = uptime() * 1_000 - steadyMs - offsetMs
        // Less is what the two clocks differ in by themselves.
        if (sleptMs > ASK_EVERY_MS) offsetMs += sleptMs
      }
      return offsetMs + steadyMs
    },
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Not shown here: then no start is held to an earlier one's time, and the wall clock is believed.
    return `unknown-${process.pid}-${performance.timeOrigin}`
  }
}

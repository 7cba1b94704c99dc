/** The few things about a terminal that Node does not offer. termios(3), ioctl_tty(2) */
import { writeSync } from 'node:fs'
import koffi from 'koffi'

/** Opaque: `struct termios` as the C library has it. */
export type SavedTerminal = Buffer

export function saveTerminal(fd: number): SavedTerminal | undefined {
  const modes = Buffer.alloc(TERMIOS_BYTES)
  return libc.tcgetattr(fd, modes) === 0 ? modes : undefined
}

/**
 * Throws away what was typed and not read (TCSAFLUSH): a cell's last act can be to ask the terminal something, and the
 * answer, arriving now, would be typed into the owner's shell.
 */
export function restoreTerminal(fd: number, saved: SavedTerminal): void {
  libc.tcsetattr(fd, TCSAFLUSH, saved)
}

/**
 * Switches off what a killed or harmful program left on: colours, a hidden cursor, the other screen, a scrolling
 * region, line-drawing letters, and every report that would be typed into the next shell (mouse, focus, paste, keys).
 */
export function writeReset(fd: number): void {
  try {
    writeSync(fd, RESET)
  } catch {
    // Nobody is there to see it.
  }
}

const RESET = [
  ...['\x1b\\\x18', '\x1b[0m'],
  // Both move the cursor, the first of them also where there was no other screen: saved before, put back after.
  ...['\x1b7\x1b[?1049l', '\x1b7\x1b[r\x1b8'],
  ...['\x1b(B\x0f', '\x1b[4l', '\x1b[?7h', '\x1b[?25h', '\x1b[?1l\x1b>'],
  ...[9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004].map((mode) => `\x1b[?${mode}l`),
  ...['\x1b[>4;0m', '\x1b[=0u'],
].join('')

export function resizeTerminal(fd: number, columns: number, rows: number): void {
  libc.ioctl(fd, TIOCSWINSZ, new Uint16Array([rows, columns, 0, 0]))
}

/** Changing one's terminal from the background stops the process that tries. tcsetattr(3) */
export function inBackground(fd: number): boolean {
  const foreground = libc.tcgetpgrp(fd)
  // Below 0: it is not the terminal of this session, and nobody is stopped.
  return foreground >= 0 && foreground !== libc.getpgrp()
}

const TERMIOS_BYTES = 60
const TCSAFLUSH = 2
const TIOCSWINSZ = 0x5414

interface TerminalCalls {
  readonly tcgetattr: (fd: number, modes: Buffer) => number
  readonly tcsetattr: (fd: number, action: number, modes: Buffer) => number
  readonly tcgetpgrp: (fd: number) => number
  readonly getpgrp: () => number
  readonly ioctl: (fd: number, request: number, size: Uint16Array) => number
}

const library = koffi.load('libc.so.6')
const libc: TerminalCalls = {
  tcgetattr: library.func('int tcgetattr(int fd, _Out_ uint8_t *modes)'),
  tcsetattr: library.func('int tcsetattr(int fd, int action, const uint8_t *modes)'),
  tcgetpgrp: library.func('int tcgetpgrp(int fd)'),
  getpgrp: library.func('int getpgrp()'),
  ioctl: library.func('int ioctl(int fd, ulong request, const uint16_t *size)'),
}

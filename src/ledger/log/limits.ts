/** The bounds of the ledger and its witness, each with the sum that justifies it (S17). */
export const LEDGER_LIMITS = {
  /** One entry's canonical bytes. Arguments are shortened before they come here; 64 KiB of them is already a story. */
  entryBytesMax: 262_144,
  /** One payload: an upstream's largest answer (LIMITS.answerBytesMax). Hashing and sealing it takes about 8 ms. */
  payloadBytesMax: 4_194_304,
  /** Nesting of an entry: what the strict parser admits (32), under a few levels of our own. */
  entryDepthMax: 48,
  /** Bytes that wait for the disk. At 60 MB/s the disk is a second behind; more would only hide that it has stopped. */
  bufferedBytesMax: 67_108_864,
  /** Entries that no seal covers yet, 64 bytes of tree in memory each: 64 MiB. Ten seconds at full speed. */
  unsealedEntriesMax: 1_048_576,
  /** S4: nothing with an effect leaves when the last witnessed seal is older. Five missed seals. */
  sealAgeMaxMs: 5_000,
  /**
   * Longest time that a read's intent may wait for the disk while the read is already on its way: it gathers 4 ms, and
   * then is written.
   */
  readAheadMaxMs: 10,
  /** Time that an entry without a waiting caller gathers others before it is written; well under `readAheadMaxMs`. */
  lazyMs: 4,
  /** Bytes that, once gathered, are written without further waiting. */
  lazyBytesMax: 262_144,
  /** A head is offered to the witness this often, idle or not. */
  sealEveryMs: 1_000,
  /** The first segment is small, since most ledgers are; a payload and its entry must fit. */
  segmentBytesFirst: 8_388_608,
  /** Bytes of each segment but the first: a restart reads the newest whole, 50,000 entries in about 0.3 s. */
  segmentBytes: 16_777_216,
  /** A million segments are 16 TiB. */
  segmentsMax: 1_000_000,
  /** A witness frame: a head and a proof of at most 64 hashes is 2,099 bytes; a seal is under 700. */
  witnessFrameBytesMax: 4_096,
  /** A witness reads at most this many heads a second from one log, so that none can starve the others. */
  witnessHeadsPerSecondMax: 20,
  /** Logs of one witness: an environment each, and the warden. */
  witnessLogsMax: 64,
  /** Seals kept of one log. Past it every second one of the older half goes; the newest always stays. */
  sealsKeptMax: 4_096,
} as const

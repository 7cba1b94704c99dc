/**
 * Every limit that a cell, an upstream or a person can run into (S17), with the sum that justifies it. A room imports
 * its limits from here, so that SPECIFICATION.md can list them and a test can hit each line.
 */
export const LIMITS = {
  /** One frame from a cell. Larger than any tool call seen in practice (a file of 700 KiB in base64). */
  frameBytesMax: 1_048_576,
  /** One message from an upstream: a page of file contents or an image in base64. */
  answerBytesMax: 4_194_304,
  /** Nesting of any JSON we read. Cedar's own limit is near 125; ours leaves room. */
  jsonDepthMax: 32,
  /** Values in one JSON document: 50,000 parse in about 5 ms, which bounds how long one cell can stall another. */
  jsonNodesMax: 50_000,
  headerBytesMax: 16_384,
} as const

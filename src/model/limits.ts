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
  /**
   * Nesting of what an upstream says: pages and syntax trees nest two levels for each element. Each level is a few calls
   * on our stack, which holds thousands.
   */
  answerDepthMax: 256,
  /**
   * Values in one answer of an upstream: 12,000 rows of four members are 60,012. What it takes to learn what a cell has seen
   * grows with them, 7 µs each on a slow machine that others use, and nobody else is served meanwhile.
   */
  answerValuesMax: 100_000,
  /** Keys in one frame from a cell: 10,000 that all differ take 15 ms, 50,000 took 95 ms. A batch of 500 rows has fewer. */
  frameKeysMax: 10_000,
  /** Pieces in which one frame may come, past these first ones: each takes 10 µs and more, and a cell cuts them. */
  framePiecesMin: 256,
  /**
   * The least bytes that the pieces of a frame have on average: at most 4,096 pieces in the largest frame. Clients
   * write by the kilobyte.
   */
  framePieceBytesMin: 256,
  /** Frames of one cell that are being read or wait for their turn: eight of the largest. */
  framesBytesMax: 8_388_608,
  /** Bytes of a piece of work that waits for no turn of its own: so small a one takes at most about 2 ms. */
  smallPieceBytesMax: 16_384,
  /** Small pieces of work in one turn of the loop; further ones wait for a turn. */
  smallPiecesMax: 32,
  /** Answers of one connection to an upstream that are being read: eight of the largest. */
  answersBytesMax: 33_554_432,
  /** Our answers to an upstream's own requests that it has not taken; past it the connection is cut. */
  answersToUpstreamMax: 8,
  /** Messages in one batch of an upstream that speaks 2025-03-26: as many as a cell may have under way. */
  batchMessagesMax: 64,
  /** One list of an upstream, over all of its pages, and how long it may take. */
  listBytesMax: 8_388_608,
  listItemsMax: 10_000,
  listMsMax: 30_000,
  /** Sentences on one list that could not be taken whole: an entry of at most 10,000 characters. */
  listCutsToldMax: 20,
  /** Answers that one cell has not read yet: four of the largest. Past it the connection of the newest is cut. */
  unreadBytesMax: 16_777_216,
  /** A longer URI matches no template: browsers and servers stop at about this length. */
  resourceUriBytesMax: 8_192,
  headerBytesMax: 16_384,
  /** Arguments as the ledger shows them; with all else an entry has, an eighth of what one may have. */
  recordedArgumentBytesMax: 32_768,
  /** Arguments that are kept of a refused action: it was not sent, and costs the cell that tries least. */
  refusedArgumentBytesMax: 4_096,
  /** Reasons of one decision: hundreds of policies that each say no. */
  recordedReasonBytesMax: 65_536,
  refusedReasonBytesMax: 16_384,
  /** Arguments, and reasons, of a further attempt at what waits: people read the first. */
  heldAgainBytesMax: 1_024,
  /** Refusals of one cell, and further attempts at what waits, that have an entry each; past them those of a second share one. */
  refusalsBurst: 256,
  /**
   * Refusals per second at which that room comes back. At 6 KiB an entry, a cell that is refused all day fills 10 GB of
   * disk.
   */
  refusalsPerSecond: 20,
  /**
   * Bytes of one cell that may wait for the disk: a sixteenth of all that may wait (LEDGER_LIMITS.bufferedBytesMax).
   */
  cellLedgerWaitingBytesMax: 4_194_304,
  /**
   * Bytes that one cell may write into the ledger: four cells at once fill a disk of 60 MB/s, and one alone does not.
   */
  cellLedgerBytesPerSecond: 16_777_216,
  cellLedgerBytesBurst: 67_108_864,
  /** Effects that a gateway is told to compensate at a time: their names fill half of a message of the warden's channel. */
  undoEffectsMax: 1_024,
  /** One call that compensates or looks: twice what an upstream in trouble takes, and a storm of 1,000 goes on. */
  undoCallMsMax: 60_000,
  /** Compensations that were refused one after the other: what is left of this order would be refused as well. */
  undoRefusalsMax: 8,
  /**
   * A tool's input or output schema. Of 223 tools of twelve public servers the largest has 5,439 bytes, 264 values and 10
   * levels of nesting, and the largest list 76,215 bytes and 4,323 values; people report single schemas of 142 KB.
   */
  schemaBytesMax: 262_144,
  /** Nesting of a schema, two levels for each object in an object. */
  schemaNestingMax: 96,
  /** Instructions of all patterns of a schema: 16,384 compile in about 50 ms. */
  patternSizeMax: 16_384,
  /** Steps of one check of a value: 100,000 values against four schemas each. They take about 60 ms. */
  schemaStepsMax: 400_000,
  /** One check, patterns: instructions times characters, of which the slowest take 30 ms. */
  patternStepsMax: 524_288,
  /** Schemas within schemas that one value is held against: 256 levels of it, and 4 references at each. */
  schemaDepthMax: 1_024,
  /** Text about a fault and its place: names and patterns in it are as long as their author likes. */
  faultCharactersMax: 200,
  /** Shorter text occurs by chance, and would cut honest answers. */
  secretCharactersMin: 8,
  /** Values of one secret that are looked for, the newest: one that is new each minute is known for an hour. */
  secretValuesMax: 64,
  /**
   * Characters of the id by which a cell names a request or its progress: it is written out again with each answer and
   * notification.
   */
  idCharactersMax: 256,
  /** Sessions of one cell, in the revisions that have them; a new one ends the oldest. */
  sessionsMax: 64,
  /** Requests of one cell that may be under way; each holds at most a frame and an answer. */
  requestsUnderWayMax: 64,
  /** One call, whatever its upstream goes on sending: no tool that answers while a model waits takes longer. */
  callMsMax: 600_000,
  /** The bytes that may be declared as the most of a request that passes as it comes, with its answer; a budget counts it before. */
  passingBytesMax: 1_099_511_627_776,
  /** One request to an origin of the web with its answer, however slowly they pass: a large clone takes less. */
  exchangeMsMax: 3_600_000,
  /** Standing streams of one cell. */
  streamsMax: 16,
  /** Connections of one cell; Node's clients open a handful. */
  connectionsMax: 128,
  /** Connections of one cell to any address; a package manager opens some fifty, a browser some hundreds over a while. */
  webConnectionsMax: 256,
  /**
   * Requests of one cell that are open at its web door, refused ones whose answers it does not read with them: each holds its
   * headers. Four times what may be under way.
   */
  webRequestsOpenMax: 256,
  /** Connections of one cell to one origin; a package manager opens some fifteen, and asks for the rest when one is free. */
  originConnectionsMax: 32,
  /** A body that is judged as arguments, read whole before the request leaves. */
  judgedBodyBytesMax: 1_048_576,
  /** Names of models, or of how they begin, that one provider may be asked for. */
  modelNamesMax: 256,
  /** Headers of one request or answer of the web: cookies and tokens take up to 16 KiB, and servers refuse more. */
  webHeaderBytesMax: 32_768,
  /** Names that the programs of one cell look up. A browser meets some thousands in a day. */
  cellNamesMax: 16_384,
  /** Connections of one relay through its environment’s egress; a browser opens six to a host. */
  egressConnectionsMax: 64,
  /**
   * Bytes of one connection of a relay, both ways, where a budget counts them: reserved before it is made, so that three stand
   * side by side under 50 MiB. A page with its pictures has 3 MiB.
   */
  connectionBytesMax: 16_777_216,
  /** Trusted values that one cell may name as destinations: a page of 1,000 rows, a hundred times. */
  knownValuesMax: 100_000,
  /** A longer text is no destination. */
  knownValueCharactersMax: 2_048,
  /** Text of one cell's answers and trusted values that is kept to explain holds. */
  seenCharactersMax: 8_388_608,
  /** Levels of delegation below an agent's own cell. */
  delegationDepthMax: 4,
  /** Live delegations that one cell has given; each is a cell with its own limits. */
  delegationsMax: 8,
  /** Ended delegations of one cell whose reports it may still read. */
  delegationsEndedMax: 16,
  /** An assignment of the cell that delegates, and a report of the one that works: text for a model to read. */
  assignmentCharactersMax: 16_384,
  /** Reports of one delegation that are kept; the oldest goes first. */
  reportsMax: 16,
  /** Refused actions of one cell that it may still ask a person for. */
  refusalsRememberedMax: 32,
  /** Longest time that an action waits until its cell's files are saved; a full disk of 8 GiB is copied in less. */
  checkpointWaitMsMax: 30_000,
  /** Times at which cells of one agent saw one label; past them the oldest become one stretch. */
  seenLabelTimesMax: 1_024,
  /** A task's text: it is searched for each destination. */
  taskCharactersMax: 32_768,
  /** Actions of one agent that wait for a person at a time: more than anybody reads. */
  holdsMax: 32,
  /** Longest time that a hold waits. */
  holdMsMax: 3_600_000,
  /** Longest time that an approval may be used. */
  approvalMsMax: 3_600_000,
  /** Actions of a watched cell in a second, and at once; any more of them wait. People work slower. */
  watchedActionsPerSecond: 5,
  watchedActionsBurst: 10,
  /** Entries that a signal names as its evidence; the newest, where there are more. */
  signalEvidenceMax: 20,
  /** Cells that the sentinel knows at a time: four times what a warden has. */
  sentinelCellsMax: 4_096,
  /** Actions whose outcome it waits for: the most that a thousand cells have under way. */
  sentinelActionsMax: 65_536,
  /** Agents that it knows the usual of. */
  sentinelAgentsMax: 1_024,
  /** Trees of one agent that a lost gateway left, and that its next cells go on with. */
  sentinelTreesLeftMax: 16,
} as const

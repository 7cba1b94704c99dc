/**
 * Checks of the official suite that a server passes and that are lost behind Firebreak, on purpose. Whatever is lost and
 * not listed here is a bug; whatever is listed and no longer lost is stale. Both fail.
 */
const ASKING =
  'Sampling, elicitation and roots are not passed on yet: what an upstream asks of a cell is a door back into it'
const STATE =
  'input_required is not passed on, so that no requestState ever reaches a cell and none is taken back from one'
const STRICT = 'S11: what belongs neither to the method nor to the protocol is refused, not ignored'
const COMPLETION = 'Completions are not passed on yet: their arguments would be actions without an accepted definition'
const SUBSCRIBE = 'Subscriptions to single resources are not passed on yet; changed lists are'
const RESUME =
  'Streams cannot be resumed: the revisions leave it open, and a replay would be a second answer to one action'
const JSON_FIRST = 'INFO instead of SUCCESS: one JSON object is the answer unless something must be said before it'

/** `scenario:check`, behind an upstream that speaks any revision. */
export const REFUSED: Readonly<Record<string, string>> = {
  'completion-complete:completion-complete': COMPLETION,
  'elicitation-sep1034-defaults:elicitation-sep1034-boolean-default': ASKING,
  'elicitation-sep1034-defaults:elicitation-sep1034-enum-default': ASKING,
  'elicitation-sep1034-defaults:elicitation-sep1034-integer-default': ASKING,
  'elicitation-sep1034-defaults:elicitation-sep1034-number-default': ASKING,
  'elicitation-sep1034-defaults:elicitation-sep1034-string-default': ASKING,
  'elicitation-sep1330-enums:elicitation-sep1330-legacy-enumnames': ASKING,
  'elicitation-sep1330-enums:elicitation-sep1330-titled-multi': ASKING,
  'elicitation-sep1330-enums:elicitation-sep1330-titled-single': ASKING,
  'elicitation-sep1330-enums:elicitation-sep1330-untitled-multi': ASKING,
  'elicitation-sep1330-enums:elicitation-sep1330-untitled-single': ASKING,
  'input-required-result-basic-elicitation:sep-2322-elicitation-complete': ASKING,
  'input-required-result-basic-elicitation:sep-2322-elicitation-incomplete': ASKING,
  'input-required-result-basic-list-roots:sep-2322-list-roots-complete': ASKING,
  'input-required-result-basic-list-roots:sep-2322-list-roots-incomplete': ASKING,
  'input-required-result-basic-sampling:sep-2322-sampling-complete': ASKING,
  'input-required-result-basic-sampling:sep-2322-sampling-incomplete': ASKING,
  'input-required-result-capability-check:sep-2322-respect-client-capabilities': ASKING,
  'input-required-result-ignore-extra-params:sep-2322-ignore-unexpected-params': STRICT,
  'input-required-result-missing-input-response:sep-2322-missing-response-rerequests': STRICT,
  'input-required-result-multi-round:sep-2322-multi-round-r1': STATE,
  'input-required-result-multi-round:sep-2322-multi-round-r2': STATE,
  'input-required-result-multi-round:sep-2322-multi-round-r3': STATE,
  'input-required-result-multiple-input-requests:sep-2322-multiple-inputs-complete': ASKING,
  'input-required-result-multiple-input-requests:sep-2322-multiple-inputs-incomplete': ASKING,
  'input-required-result-non-tool-request:sep-2322-non-tool-complete': ASKING,
  'input-required-result-non-tool-request:sep-2322-non-tool-incomplete': ASKING,
  'input-required-result-request-state:sep-2322-request-state-complete': STATE,
  'input-required-result-request-state:sep-2322-request-state-incomplete': STATE,
  'input-required-result-result-type:sep-2322-result-type-included': ASKING,
  'input-required-result-tampered-state:sep-2322-reject-tampered-state': STATE,
  'resources-subscribe:resources-subscribe': SUBSCRIBE,
  'resources-unsubscribe:resources-unsubscribe': SUBSCRIBE,
  'server-sse-multiple-streams:server-sse-streams-functional': JSON_FIRST,
  'server-sse-polling:server-sse-disconnect-resume': RESUME,
  'server-sse-polling:server-sse-priming-event': RESUME,
  'server-sse-polling:server-sse-retry-field': RESUME,
  'server-stateless:sep-2575-http-server-no-independent-requests-on-stream': ASKING,
  'tools-call-elicitation:tools-call-elicitation': ASKING,
  'tools-call-sampling:tools-call-sampling': ASKING,
}

const UNTESTABLE = 'The tool that the suite needs for it exists in 2026-07-28 only, and this upstream speaks older ones'

/** Beside those, behind an upstream that speaks only the revisions with sessions. */
export const UNTESTABLE_BEHIND_OLDER: Readonly<Record<string, string>> = {
  'server-stateless:sep-2575-missing-capability-http-400': UNTESTABLE,
  'server-stateless:sep-2575-server-rejects-undeclared-capability': UNTESTABLE,
}

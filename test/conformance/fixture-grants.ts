import type { UpstreamPlan } from '../kit/config-text.ts'

/** Everything that the fixture has, declared and granted. */
export function fixtureUpstream(mcp: NonNullable<UpstreamPlan['mcp']>, era: 'modern' | 'legacy'): UpstreamPlan {
  const tools = [...EVERY_REVISION, ...(era === 'modern' ? MODERN : LEGACY)]
  return {
    mcp,
    tools: Object.fromEntries(tools.map((name) => [name, 'read' as const])),
    resources: ['test://static-text', 'test://static-binary', 'test://watched-resource', 'test://template/{id}/data'],
    prompts: [
      'test_simple_prompt',
      'test_prompt_with_arguments',
      'test_prompt_with_embedded_resource',
      'test_prompt_with_image',
      ...(era === 'modern' ? ['test_input_required_result_prompt'] : []),
    ],
  }
}

const EVERY_REVISION = [
  'test_simple_text',
  'test_image_content',
  'test_audio_content',
  'test_embedded_resource',
  'test_multiple_content_types',
  'test_error_handling',
  'test_tool_with_progress',
  'test_tool_with_logging',
  'test_logging_tool',
  'json_schema_2020_12_tool',
  'test_x_mcp_header',
  'test_structured',
  'test_trigger_tool_change',
  'test_trigger_prompt_change',
]

const LEGACY = [
  'test_sampling',
  'test_elicitation',
  'test_elicitation_sep1034_defaults',
  'test_elicitation_sep1330_enums',
  'test_reconnection',
]

const MODERN = [
  'test_missing_capability',
  'test_streaming_elicitation',
  'test_input_required_result_elicitation',
  'test_input_required_result_sampling',
  'test_input_required_result_list_roots',
  'test_input_required_result_request_state',
  'test_input_required_result_tampered_state',
  'test_input_required_result_multiple_inputs',
  'test_input_required_result_multi_round',
  'test_input_required_result_capabilities',
]

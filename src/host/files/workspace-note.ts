/** One thing that a cell will miss of a workspace, and what would show it. */
export interface WorkspaceNote {
  readonly what: string
  readonly fix: string
}

/** The place of the workspace in every cell. */
export const WORKSPACE = '/workspace'

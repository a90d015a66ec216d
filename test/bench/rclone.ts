/** Why rclone is not beside the others, in a line. */
import { spawnSync } from 'node:child_process'

export function rcloneNote(): string {
  const { stdout, error } = spawnSync('rclone', ['help', 'backend', 'drive'], { encoding: 'utf8' })
  if (error) return 'rclone: not installed'
  const [option] = /--drive-(?:endpoint|base-url|api-url)\b/.exec(stdout) ?? []
  return option === undefined
    ? 'rclone: its Drive backend has no setting for where Drive is, so it cannot be measured here'
    : `rclone: it could be measured by ${option}, and is not yet`
}

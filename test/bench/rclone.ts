/** Returns one line that says why rclone is not measured. */
import { spawnSync } from 'node:child_process'

export function rcloneNote(): string {
  const { stdout, error } = spawnSync('rclone', ['help', 'backend', 'drive'], { encoding: 'utf8' })
  if (error) return 'rclone: not installed'
  const [option] = /--drive-(?:endpoint|base-url|api-url)\b/.exec(stdout) ?? []
  return option === undefined
    ? 'rclone: not measured, because its Drive backend has no option for the URL of Drive'
    : `rclone: not measured yet; ${option} would allow it`
}

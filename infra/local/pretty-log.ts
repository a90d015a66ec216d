/** Formats the gateway's JSON log for a terminal: one short line per event, and stack traces. */

interface Entry {
  severity?: string
  message?: string
  code?: string
  reason?: string
  requestId?: string
  stack_trace?: string
  [field: string]: unknown
}

/** Fields that are not shown: traces, error reporting, and the identity in audit events. */
const hiddenFields = /^@|^logging\.|^(audit|sub|credential)$/

/**
 * @param line a line of the log; a line that is not JSON is returned unchanged
 * @param at the time to show
 */
export function formatLogLine(line: string, at = new Date()): string {
  const entry = readEntry(line)
  if (!entry) return line
  const { severity, message, code, reason, requestId, stack_trace: stack, ...fields } = entry
  const isWarning = severity === 'WARNING' || severity === 'ERROR'
  const details = Object.entries(fields)
    .filter(([name, value]) => typeof value !== 'object' && !hiddenFields.test(name))
    .map(([name, value]) => `${name}=${String(value)}`)
  const parts = [
    at.toTimeString().slice(0, 8),
    isWarning ? `${severity} ${message}` : message,
    code === undefined ? undefined : `${code} (${reason})`,
    ...details,
    // Problem responses contain it too, so a failed request can be found here.
    code === undefined ? undefined : `request ${requestId}`,
  ]
  const first = parts.filter((part) => part !== undefined).join('  ')
  return stack === undefined ? first : `${first}\n${stack}`
}

/** Whether a line is above the severities INFO and NOTICE, or not JSON. */
export function needsAttention(line: string): boolean {
  const { severity } = readEntry(line) ?? {}
  return severity !== 'INFO' && severity !== 'NOTICE'
}

function readEntry(line: string): Entry | undefined {
  try {
    const entry: unknown = JSON.parse(line)
    return typeof entry === 'object' && entry !== null ? (entry as Entry) : undefined
  } catch {
    return undefined
  }
}

/** The gateway's log for a person at a terminal: a short line an event, failures in full. */

interface Entry {
  severity?: string
  message?: string
  code?: string
  reason?: string
  requestId?: string
  stack_trace?: string
  [field: string]: unknown
}

/** Traces, the shape of an error report, and who it was in an audit trail. */
const forMachines = /^@|^logging\.|^(audit|sub|credential)$/

/**
 * @param line as the gateway wrote it; what is no JSON stays as it is
 * @param at when it was read
 */
export function formatLogLine(line: string, at = new Date()): string {
  const entry = readEntry(line)
  if (!entry) return line
  const { severity, message, code, reason, requestId, stack_trace: stack, ...fields } = entry
  const bad = severity === 'WARNING' || severity === 'ERROR'
  const details = Object.entries(fields)
    .filter(([name, value]) => typeof value !== 'object' && !forMachines.test(name))
    .map(([name, value]) => `${name}=${String(value)}`)
  const parts = [
    at.toTimeString().slice(0, 8),
    bad ? `${severity} ${message}` : message,
    code === undefined ? undefined : `${code} (${reason})`,
    ...details,
    // Problems show it too: from a page that went wrong to its line here.
    code === undefined ? undefined : `request ${requestId}`,
  ]
  const first = parts.filter((part) => part !== undefined).join('  ')
  return stack === undefined ? first : `${first}\n${stack}`
}

/** Whether an event wants attention also from those who are busy with something else. */
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

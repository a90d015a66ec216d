/** How much memory uploads may hold, from what the instance has. */

const mebibyte = 1024 * 1024
/** What the process needs for itself: Node, the client libraries, and what waits to be collected. */
const ownMemory = 176 * mebibyte
/** Two chunks of the largest size and an eighth more, also where there is no limit. */
const mostForUploads = 140 * mebibyte

/**
 * Three quarters of what the instance's limit leaves beside the process itself.
 *
 * @param limit as the control group has it; 0, nothing or a number beyond all memory mean none
 */
export function memoryForUploads(limit = process.constrainedMemory?.() ?? 0): number {
  const left = limit > 0 ? Math.floor(0.75 * (limit - ownMemory)) : Infinity
  return Math.max(16 * mebibyte, Math.min(left, mostForUploads))
}

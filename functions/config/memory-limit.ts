const mebibyte = 1024 * 1024
/** Memory of the process without uploads: Node, the SDKs and garbage. */
const processBytes = 176 * mebibyte
/** Two chunks of the maximum size and an eighth; also without a memory limit. */
const maxUploadBytes = 140 * mebibyte

/**
 * Computes the memory for upload buffers in bytes: three quarters of what the memory limit of the
 * instance leaves for them, and at least 16 MiB.
 *
 * @param limit memory limit of the control group; 0 or a number above the physical memory means none
 */
export function uploadMemoryLimit(limit = process.constrainedMemory?.() ?? 0): number {
  const available = limit > 0 ? Math.floor(0.75 * (limit - processBytes)) : Infinity
  return Math.max(16 * mebibyte, Math.min(available, maxUploadBytes))
}

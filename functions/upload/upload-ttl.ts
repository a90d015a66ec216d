/** Drive keeps an upload session for a week; a day less is a safe lifetime to announce. */
export const uploadTtlMs = 6 * 24 * 60 * 60 * 1000

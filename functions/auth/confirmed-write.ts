/**
 * Writes something that gives access to an account. Confirms the credential right before the write, and
 * again after it: when the account was disconnected in between, the write is undone.
 *
 * @param confirm throws when the credential is no longer valid
 * @throws what `confirm` throws
 */
export async function writeConfirmed<T>(
  confirm: () => Promise<void>,
  write: () => Promise<T>,
  undo: (written: T) => Promise<unknown>,
): Promise<T> {
  await confirm()
  const written = await write()
  try {
    await confirm()
  } catch (error) {
    await undo(written)
    throw error
  }
  return written
}

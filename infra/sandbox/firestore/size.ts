/** How much a document weighs, as Firestore counts it, and how much it may. */
import { readDocumentName } from './name.ts'
import { invalid } from './status.ts'
import type { FieldMap, Value } from './value.ts'

const documentLimit = 1_048_576
const valueLimit = documentLimit - 89

/**
 * @see Cloud Firestore, "Storage size calculations"
 * @throws {FirestoreError} INVALID_ARGUMENT above 1 MiB
 */
export function checkSize(name: string, fields: FieldMap): void {
  for (const [field, value] of fields) {
    const held = value.type === 'string' || value.type === 'bytes' ? value.value : ''
    if (Buffer.byteLength(held) > valueLimit) {
      throw invalid(`The value of property "${field}" is longer than ${valueLimit} bytes`)
    }
  }
  const size = sizeOfName(name) + sizeOfFields(fields) + 32
  if (size > documentLimit) {
    throw invalid(
      `Document "${name}" cannot be written because its size (${size} bytes) exceeds the maximum allowed size of ${documentLimit} bytes`,
    )
  }
}

function sizeOfName(name: string): number {
  return readDocumentName(name).path.reduce((sum, id) => sum + sizeOfText(id), 16)
}

function sizeOfText(text: string): number {
  return Buffer.byteLength(text) + 1
}

function sizeOfFields(fields: FieldMap): number {
  let size = 0
  for (const [name, value] of fields) size += sizeOfText(name) + sizeOf(value)
  return size
}

function sizeOf(value: Value): number {
  switch (value.type) {
    case 'null':
    case 'boolean':
      return 1
    case 'integer':
    case 'double':
    case 'timestamp':
      return 8
    case 'geoPoint':
      return 16
    case 'string':
      return sizeOfText(value.value)
    case 'bytes':
      return value.value.length
    case 'reference':
      return sizeOfName(value.value)
    case 'array':
      return value.values.reduce((sum, element) => sum + sizeOf(element), 0)
    default:
      return sizeOfFields(value.fields)
  }
}

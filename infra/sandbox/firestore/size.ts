/** The storage size of a document, and its limit. */
import { readDocumentName } from './name.ts'
import { invalid } from './status.ts'
import type { FieldMap, Value } from './value.ts'

const maxDocumentBytes = 1_048_576
const maxValueBytes = maxDocumentBytes - 89

/**
 * @see Cloud Firestore, "Storage size calculations"
 * @throws {FirestoreError} INVALID_ARGUMENT above 1 MiB
 */
export function checkSize(name: string, fields: FieldMap): void {
  for (const [field, value] of fields) {
    if (value.type === 'string' && Buffer.byteLength(value.value) > maxValueBytes) {
      throw invalid(`The value of property "${field}" is longer than ${maxValueBytes} bytes`)
    }
  }
  const size = sizeOfName(name) + sizeOfFields(fields) + 32
  if (size > maxDocumentBytes) {
    throw invalid(
      `Document "${name}" cannot be written because its size (${size} bytes) exceeds the maximum allowed size of ${maxDocumentBytes} bytes`,
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
  for (const [name, value] of fields) size += sizeOfText(name) + sizeOfValue(value)
  return size
}

function sizeOfValue(value: Value): number {
  switch (value.type) {
    case 'null':
    case 'boolean':
      return 1
    case 'integer':
    case 'double':
    case 'timestamp':
      return 8
    case 'string':
      return sizeOfText(value.value)
    case 'array':
      return value.values.reduce((sum, element) => sum + sizeOfValue(element), 0)
    default:
      return sizeOfFields(value.fields)
  }
}

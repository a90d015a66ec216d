/** A function that does nothing: what the framework itself takes to start. */
import { http } from '@google-cloud/functions-framework'

http('empty', (_req, res) => void res.status(204).end())

/** Baseline: an empty function, which shows the start time of the framework. */
import { http } from '@google-cloud/functions-framework'

http('empty', (_req, res) => void res.status(204).end())

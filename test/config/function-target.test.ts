import { expect, test } from '@jest/globals'
import { readFunctionTarget } from '../../functions/config/config.ts'

test.each([
  [{ FUNCTION_TARGET: 'files' }, [], 'files'],
  [{ FUNCTION_TARGET: 'files' }, ['--target=upload'], 'upload'],
  [{}, ['--port', '8080', '--target', 'auth'], 'auth'],
  [{}, ['--target=echo'], undefined],
  [{}, ['--target'], undefined],
  [{}, [], undefined],
])('readFunctionTarget() with environment %j and arguments %j returns %s', (env, args, target) => {
  expect(readFunctionTarget(env, ['node', 'functions-framework', ...args])).toBe(target)
})

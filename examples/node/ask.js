#!/usr/bin/env node
// Sends one row of numbers to a model, through a gateway or through Kafka, and prints the answer as a line
// of JSON. What is no answer it prints as `CODE: sentence`, and ends with 1.
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'

import { askGrpc } from './grpc.js'
import { askHttp } from './http.js'
import { askKafka } from './kafka.js'

const USAGE = `usage: ask --grpc|--http|--kafka HOST:PORT [options]
  --model NAME       the model (default digits)
  --unit UNIT        the sticky unit: a user, a device, a session
  --input NAME       the model's input (default pixels)
  --values X,Y,...   its row (default 64 zeros)
  --timeout SECONDS  within which the answer is wanted (default 10)`
const WAYS = { grpc: askGrpc, http: askHttp, kafka: askKafka }

const text = { type: 'string' }
const OPTIONS = {
  grpc: text,
  http: text,
  kafka: text,
  model: { type: 'string', default: 'digits' },
  unit: { type: 'string', default: '' },
  input: { type: 'string', default: 'pixels' },
  values: { type: 'string', default: Array(64).fill('0').join() },
  timeout: { type: 'string', default: '10' },
}

/** The way, the address and the question that the command line asks for; throws what is wrong with it. */
function read() {
  const { values: given } = parseArgs({ options: OPTIONS })
  const ways = Object.keys(WAYS).filter((way) => given[way])
  const values = Float32Array.from(given.values.split(','), number)
  const timeoutMs = number(given.timeout) * 1000
  if (ways.length !== 1) throw new TypeError('one of --grpc, --http and --kafka')
  const { model, unit, input } = given
  return [WAYS[ways[0]], given[ways[0]], { id: randomUUID(), model, unit, input, values, timeoutMs }]
}

function number(text) {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new TypeError(`${text} is no number`)
  return value
}

let ask, address, question
try {
  ;[ask, address, question] = read()
} catch (error) {
  console.error(`${error.message}\n${USAGE}`)
  process.exit(2)
}
try {
  console.log(JSON.stringify(await ask(address, question)))
} catch (failure) {
  console.error(`${failure.code ?? 'UNKNOWN'}: ${failure.message}`)
  process.exitCode = 1
}

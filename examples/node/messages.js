// Our messages, read from the contracts when the program starts, and what they say.
import { fileURLToPath } from 'node:url'

import { loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

import { Failure } from './failure.js'

const definition = loadSync('pointsman/pb/v1/gateway.proto', {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
  keepCase: true,
  longs: Number, // all of ours that are read here are below 2^53
  defaults: true,
})
const { Infer } = definition['pointsman.v1.Inference']

/** The client of our own gRPC service. */
export const { Inference } = loadPackageDefinition(definition).pointsman.v1

/** The bytes of an InferenceRequest. */
export const encodeRequest = Infer.requestSerialize

/** The InferenceResponse of these bytes; throws where they are none. */
export const decodeResponse = Infer.responseDeserialize

/** A question as our own gRPC service and the topics take it. */
export function requestOf({ id, model, unit, input, values, timeoutMs }) {
  const raw = Buffer.alloc(4 * values.length)
  values.forEach((value, place) => raw.writeFloatLE(value, 4 * place))
  const tensor = { name: input, datatype: 'FP32', shape: [1, values.length], raw }
  return { id, model, unit, timeout_ms: Math.ceil(timeoutMs), tensors: { tensors: [tensor] } }
}

/** What a response says; throws a Failure where it is none or cannot be shown. */
export function answerOf({ id, version, arm, epoch, decision_id, error, outputs }) {
  if (error) throw new Failure(error.code, error.message)
  return { id, version, arm, epoch, decision_id, outputs: (outputs?.tensors ?? []).map(shown) }
}

function shown({ name, datatype, shape, raw, reference }) {
  if (datatype !== 'FP32' || reference) {
    throw new Failure('UNIMPLEMENTED', `output '${name}' is not FP32, or not in the answer itself`)
  }
  const data = Array.from({ length: raw.length / 4 }, (_, place) => raw.readFloatLE(4 * place))
  return { name, datatype, shape, data } // JSON.stringify writes null for NaN and infinities
}

import { Failure } from './failure.js'

const PLAIN = /^([!-~]([ -~]*[!-~])?)?$/

/** Ask a gateway in the Open Inference Protocol. */
export async function askHttp(address, { id, model, unit, input, values, timeoutMs }) {
  if (!PLAIN.test(unit)) throw new Failure('INVALID_ARGUMENT', 'unit: a header takes printable ASCII')
  const tensor = { name: input, datatype: 'FP32', shape: [1, values.length], data: Array.from(values) }
  const headers = {
    'content-type': 'application/json',
    'x-pointsman-timeout-ms': String(Math.ceil(timeoutMs)),
    ...(unit && { 'x-pointsman-unit': unit }),
  }
  const url = `http://${address}/v2/models/${encodeURIComponent(model)}/infer`
  const body = JSON.stringify({ id, inputs: [tensor] })
  try {
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs))
    const response = await fetch(url, { method: 'POST', headers, body, signal })
    const text = await response.text()
    if (!response.ok) throw refusal(response, text)
    return answerOf(JSON.parse(text))
  } catch (error) {
    if (error instanceof Failure) throw error
    const code = error.name === 'TimeoutError' ? 'DEADLINE_EXCEEDED' : 'UNAVAILABLE'
    throw new Failure(code, error.cause?.message ?? error.message)
  }
}

function answerOf({ id, model_version, parameters, outputs }) {
  const { arm, epoch, decision_id } = parameters
  return { id, version: model_version, arm, epoch, decision_id, outputs }
}

function refusal(response, text) {
  const code = response.headers.get('x-pointsman-code') ?? 'UNKNOWN'
  return new Failure(code, code === 'UNKNOWN' ? response.statusText : JSON.parse(text).error)
}

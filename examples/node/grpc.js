import { credentials, status } from '@grpc/grpc-js'

import { Failure } from './failure.js'
import { answerOf, Inference, requestOf } from './messages.js'

/** Ask a gateway's pointsman.v1.Inference. */
export async function askGrpc(address, question) {
  const client = new Inference(address, credentials.createInsecure())
  const deadline = Date.now() + question.timeoutMs
  try {
    const response = await new Promise((resolve, reject) => {
      client.Infer(requestOf(question), { deadline }, (error, response) => {
        if (error) reject(new Failure(status[error.code], error.details))
        else resolve(response)
      })
    })
    return answerOf(response)
  } finally {
    client.close()
  }
}

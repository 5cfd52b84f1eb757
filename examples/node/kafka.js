import { Kafka, logLevel, Partitioners } from 'kafkajs'

import { Failure } from './failure.js'
import { answerOf, decodeResponse, encodeRequest, requestOf } from './messages.js'

const REQUESTS = 'pointsman.requests'
const RESPONSES = 'pointsman.responses'

/**
 * Write to the topic of requests, under the model's name, and read the answer from that of responses, where
 * its key is the request's id.
 */
export async function askKafka(address, question) {
  const retry = { retries: 3 } // 2 s in all: nobody answers there
  const kafka = new Kafka({ clientId: 'ask', brokers: [address], logLevel: logLevel.NOTHING, retry })
  const parts = {
    admin: kafka.admin(),
    producer: kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner }),
    // KafkaJS reads in groups only: this one is of this question alone, and commits nothing.
    consumer: kafka.consumer({ groupId: `ask-${question.id}`, maxWaitTimeInMs: 100 }),
  }
  const late = deadline(question.timeoutMs)
  try {
    return answerOf(await Promise.race([late.passed, exchange(parts, question)]))
  } catch (error) {
    throw error instanceof Failure ? error : new Failure('UNAVAILABLE', error.message)
  } finally {
    late.cancel()
    await Promise.allSettled(Object.values(parts).map((part) => part.disconnect()))
  }
}

async function exchange({ admin, producer, consumer }, question) {
  await Promise.all([admin.connect(), producer.connect(), consumer.connect()])
  // Before the request is sent, or its answer may be there before we look.
  const end = endOf(await admin.fetchTopicOffsets(RESPONSES), question.id)
  await consumer.subscribe({ topics: [RESPONSES] })
  let resolve
  const answered = new Promise((itself) => (resolve = itself))
  const eachMessage = async ({ message }) => {
    const response = responseIn(message.value)
    if (response?.id === question.id) resolve(response)
  }
  await consumer.run({ autoCommit: false, eachMessage })
  consumer.seek({ topic: RESPONSES, ...end })
  const value = encodeRequest(requestOf(question))
  await producer.send({ topic: REQUESTS, messages: [{ key: question.model, value }] })
  return answered
}

/** The end of the partition of a key. */
function endOf(ends, key) {
  const partitionMetadata = ends.map(({ partition }) => ({ partitionId: partition, leader: 0 }))
  const partitionOf = Partitioners.DefaultPartitioner()
  const partition = partitionOf({ topic: RESPONSES, partitionMetadata, message: { key } })
  return { partition, offset: ends.find((end) => end.partition === partition).high }
}

function responseIn(value) {
  try {
    return decodeResponse(value)
  } catch {
    return undefined // answers to others lie here too, also in JSON
  }
}

function deadline(ms) {
  let timer
  const passed = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure('DEADLINE_EXCEEDED', `no answer within ${ms} ms`)), ms)
  })
  return { passed, cancel: () => clearTimeout(timer) }
}

/** What is no answer: the canonical name of a gRPC code, and a sentence. */
export class Failure extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

package ask;

/** What is no answer: the canonical name of a gRPC code, and a sentence. */
final class Failure extends Exception {
  private static final long serialVersionUID = 1;

  Failure(String code, String sentence) {
    super(code + ": " + sentence);
  }
}

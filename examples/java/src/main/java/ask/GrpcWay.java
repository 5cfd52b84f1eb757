package ask;

import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.concurrent.TimeUnit;
import pointsman.v1.InferenceGrpc;

/** Asks a gateway's pointsman.v1.Inference. */
final class GrpcWay {
  private GrpcWay() {}

  static Answer ask(String address, Question question) throws Failure {
    ManagedChannel channel =
        Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    try {
      var stub =
          InferenceGrpc.newBlockingStub(channel)
              .withDeadlineAfter(question.timeoutMs(), TimeUnit.MILLISECONDS);
      return Answer.of(stub.infer(question.message()));
    } catch (StatusRuntimeException error) {
      String said = error.getStatus().getDescription();
      throw new Failure(error.getStatus().getCode().name(), said == null ? "no reason given" : said);
    } finally {
      channel.shutdownNow();
    }
  }
}

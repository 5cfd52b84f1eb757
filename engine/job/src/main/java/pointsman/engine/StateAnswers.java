package pointsman.engine;

import java.util.concurrent.CompletableFuture;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.statefun.flink.core.metrics.RemoteInvocationMetrics;
import org.apache.flink.statefun.flink.core.reqreply.RequestReplyClient;
import org.apache.flink.statefun.flink.core.reqreply.ToFunctionRequestSummary;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction.IncompleteInvocationContext;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction.PersistedValueSpec;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;

/**
 * Answers calls that carry no state on behalf of the function: "these values are missing".
 *
 * <p>StateFun blocks the task thread for the first call of a function type, and that call carries no
 * state. Answered here it costs nothing, and a function that is away blocks nobody. StateFun then
 * registers the values and calls again, with state and without blocking. The first call is answered
 * even where no state is declared; the function itself may still name values it misses.
 *
 * <p>Values are declared as {@code states: {NAME: TYPE, ...}} for all functions of an endpoint, or as
 * {@code states: {NAMESPACE/FUNCTION: {NAME: TYPE, ...}, ...}} for single ones. A type must be the one
 * that the function itself would name, else StateFun fails the job.
 */
final class StateAnswers implements RequestReplyClient {
  private final JsonNode declared;
  private final RequestReplyClient remote;
  private FromFunction answer;

  StateAnswers(JsonNode declared, RequestReplyClient remote) {
    this.declared = declared;
    this.remote = remote;
  }

  @Override
  public CompletableFuture<FromFunction> call(
      ToFunctionRequestSummary summary, RemoteInvocationMetrics metrics, ToFunction toFunction) {
    ToFunction.InvocationBatchRequest batch = toFunction.getInvocation();
    if (batch.getStateCount() > 0) {
      return remote.call(summary, metrics, toFunction);
    }
    boolean first = answer == null;
    if (first) {
      answer = answerFor(batch.getTarget().getNamespace() + "/" + batch.getTarget().getType());
    }
    if (first || answer.getIncompleteInvocationContext().getMissingValuesCount() > 0) {
      return CompletableFuture.completedFuture(answer);
    }
    return remote.call(summary, metrics, toFunction);
  }

  private FromFunction answerFor(String function) {
    IncompleteInvocationContext.Builder missing = IncompleteInvocationContext.newBuilder();
    JsonNode own = declared.path(function);
    (own.isObject() ? own : declared)
        .fields()
        .forEachRemaining(
            state -> {
              if (state.getValue().isTextual()) {
                missing.addMissingValues(
                    PersistedValueSpec.newBuilder()
                        .setStateName(state.getKey())
                        .setTypeTypename(state.getValue().asText()));
              }
            });
    return FromFunction.newBuilder().setIncompleteInvocationContext(missing).build();
  }
}

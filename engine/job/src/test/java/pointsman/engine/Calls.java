package pointsman.engine;

import com.google.protobuf.ByteString;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.statefun.flink.core.metrics.RemoteInvocationMetrics;
import org.apache.flink.statefun.flink.core.reqreply.RequestReplyClient;
import org.apache.flink.statefun.flink.core.reqreply.ToFunctionRequestSummary;
import org.apache.flink.statefun.sdk.FunctionType;
import org.apache.flink.statefun.sdk.reqreply.generated.Address;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.TypedValue;

/** Makes calls as StateFun does, counts what it would count, and makes replies. */
final class Calls implements RemoteInvocationMetrics {
  final AtomicInteger failures = new AtomicInteger();
  final Queue<Long> latencies = new ConcurrentLinkedQueue<>();

  private static final ToFunctionRequestSummary SUMMARY =
      new ToFunctionRequestSummary(
          new org.apache.flink.statefun.sdk.Address(new FunctionType("pointsman", "router"), "digits"), 1, 1, 1);

  private final RequestReplyClient client;

  Calls(RequestReplyClient client) {
    this.client = client;
  }

  CompletableFuture<FromFunction> call(ToFunction request) {
    return client.call(SUMMARY, this, request);
  }

  /** A call that carries one value of state. */
  static ToFunction withState(byte[] argument) {
    ToFunction.Builder request = withoutState(argument).toBuilder();
    request.getInvocationBuilder().addState(ToFunction.PersistedValue.newBuilder().setStateName("table"));
    return request.build();
  }

  static ToFunction withoutState(byte[] argument) {
    return ToFunction.newBuilder()
        .setInvocation(
            ToFunction.InvocationBatchRequest.newBuilder()
                .setTarget(Address.newBuilder().setNamespace("pointsman").setType("router").setId("digits"))
                .addInvocations(
                    ToFunction.Invocation.newBuilder()
                        .setArgument(
                            TypedValue.newBuilder()
                                .setTypename("pointsman.v1/Requests")
                                .setHasValue(true)
                                .setValue(ByteString.copyFrom(argument)))))
        .build();
  }

  /** A reply that sends a value of this size on. */
  static FromFunction reply(int size) {
    return FromFunction.newBuilder()
        .setInvocationResult(
            FromFunction.InvocationResponse.newBuilder()
                .addOutgoingEgresses(
                    FromFunction.EgressMessage.newBuilder()
                        .setArgument(TypedValue.newBuilder().setValue(ByteString.copyFrom(new byte[size])))))
        .build();
  }

  @Override
  public void remoteInvocationFailures() {
    failures.incrementAndGet();
  }

  @Override
  public void remoteInvocationLatency(long millis) {
    latencies.add(millis);
  }
}

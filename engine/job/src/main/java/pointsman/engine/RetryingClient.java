package pointsman.engine;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.flink.statefun.flink.core.metrics.RemoteInvocationMetrics;
import org.apache.flink.statefun.flink.core.reqreply.RequestReplyClient;
import org.apache.flink.statefun.flink.core.reqreply.ToFunctionRequestSummary;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;

/**
 * Delivers calls to one function type, each until it is answered. The futures it returns never fail;
 * those open when the job ends stay open.
 */
final class RetryingClient implements RequestReplyClient {
  private static final long[] PAUSES_MS = {20, 50, 100, 250, 500, 1000};

  private final ConnectionPool pool;
  private final Retries retries;
  private final OutageLog log;

  RetryingClient(ConnectionPool pool) {
    this.pool = pool;
    this.retries = new Retries(pool.loop());
    this.log = new OutageLog(pool.endpoint());
  }

  @Override
  public CompletableFuture<FromFunction> call(
      ToFunctionRequestSummary summary, RemoteInvocationMetrics metrics, ToFunction toFunction) {
    Call call = new Call(summary, metrics, toFunction);
    try {
      pool.loop().execute(call::attempt);
    } catch (RejectedExecutionException jobEnds) {
      // Nobody waits for the answer any more.
    }
    return call.result;
  }

  private final class Call implements Attempt {
    private final ToFunctionRequestSummary summary;
    private final RemoteInvocationMetrics metrics;
    private final ToFunction request;
    private final CompletableFuture<FromFunction> result = new CompletableFuture<>();
    private final long begunAt = System.nanoTime();
    private long attemptedAt;
    private int failures;

    Call(ToFunctionRequestSummary summary, RemoteInvocationMetrics metrics, ToFunction request) {
      this.summary = summary;
      this.metrics = metrics;
      this.request = request;
    }

    void attempt() {
      attemptedAt = System.nanoTime();
      pool.start(this);
    }

    @Override
    public ToFunction request() {
      return request;
    }

    @Override
    public void answered(FromFunction reply) {
      metrics.remoteInvocationLatency(millisSince(attemptedAt));
      if (failures > 0) {
        log.recovered(failures, millisSince(begunAt));
        retries.answered();
      }
      result.complete(reply);
    }

    @Override
    public void failed(Throwable cause) {
      count(cause);
      retries.after(pauseMs(), this::attempt);
    }

    @Override
    public void unreachable(Throwable cause) {
      count(cause);
      retries.whenReachable(pauseMs(), this::attempt);
    }

    @Override
    public void wentStale(Throwable cause) {
      count(cause);
      retries.after(0, this::attempt);
    }

    private void count(Throwable cause) {
      failures++;
      metrics.remoteInvocationLatency(millisSince(attemptedAt));
      metrics.remoteInvocationFailures();
      log.failed(cause, summary);
    }

    private long pauseMs() {
      return PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1];
    }

    private long millisSince(long nanoTime) {
      return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanoTime);
    }
  }
}

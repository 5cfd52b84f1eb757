package pointsman.engine;

import java.util.concurrent.TimeUnit;
import org.apache.flink.statefun.flink.core.reqreply.ToFunctionRequestSummary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells of an endpoint's failed attempts and of their end, each kind at once and then at most every ten
 * seconds: an outage makes thousands of them. Not thread-safe.
 */
final class OutageLog {
  private static final Logger LOG = LoggerFactory.getLogger(HttpTransport.class);
  private static final long PAUSE = TimeUnit.SECONDS.toNanos(10);

  private final Endpoint endpoint;
  private final Gate failing = new Gate();
  private final Gate recovering = new Gate();

  OutageLog(Endpoint endpoint) {
    this.endpoint = endpoint;
  }

  void failed(Throwable cause, ToFunctionRequestSummary call) {
    if (!failing.opens()) {
      return;
    }
    String what = cause.getClass().getSimpleName() + ": " + cause.getMessage();
    if (cause instanceof Reply.ReplyTooLarge) {
      LOG.error("{}: {}; retrying {} ({} more failures not shown)", endpoint, what, call, failing.kept());
    } else {
      LOG.warn("{}: {}; retrying {} ({} more failures not shown)", endpoint, what, call, failing.kept());
    }
  }

  void recovered(int failures, long millis) {
    if (recovering.opens()) {
      LOG.info("{}: answers again, after {} failed attempts in {} ms", endpoint, failures, millis);
    }
  }

  /** Opens once for each pause and counts whom it kept out in between. */
  private static final class Gate {
    private long openedAt = System.nanoTime() - PAUSE;
    private int waiting;
    private int kept;

    boolean opens() {
      long now = System.nanoTime();
      if (now - openedAt < PAUSE) {
        waiting++;
        return false;
      }
      openedAt = now;
      kept = waiting;
      waiting = 0;
      return true;
    }

    int kept() {
      return kept;
    }
  }
}

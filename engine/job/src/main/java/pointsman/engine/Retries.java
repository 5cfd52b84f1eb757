package pointsman.engine;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.shaded.netty4.io.netty.channel.EventLoop;

/**
 * The calls to one function type that are to be attempted again. All on the event loop.
 *
 * <p>While nobody listens at the endpoint, one of them at a time looks again soon; as soon as one is
 * answered all others follow. So however long an outage was, and however rare attempts became, its end
 * is noticed at once, and thousands of waiting calls do not knock ten times a second each.
 */
final class Retries {
  /** How often somebody looks whether the endpoint listens again. */
  static final long LOOK_MS = 100;

  private final EventLoop loop;
  private final Set<Waiting> unreachable = new LinkedHashSet<>();
  private boolean isLookedAfter;

  Retries(EventLoop loop) {
    this.loop = loop;
  }

  /** Makes an attempt after a pause. */
  void after(long pauseMs, Runnable attempt) {
    if (!loop.isShuttingDown()) {
      loop.schedule(attempt, pauseMs, TimeUnit.MILLISECONDS);
    }
  }

  /** Makes an attempt after a pause, or when the endpoint, where nobody listened, answers somebody. */
  void whenReachable(long pauseMs, Runnable attempt) {
    if (loop.isShuttingDown()) {
      return;
    }
    Waiting waiting = new Waiting(attempt, !isLookedAfter);
    isLookedAfter = true;
    unreachable.add(waiting);
    long pause = waiting.looks ? Math.min(pauseMs, LOOK_MS) : pauseMs;
    waiting.timer = loop.schedule(waiting, pause, TimeUnit.MILLISECONDS);
  }

  /** A call that had failed was answered. */
  void answered() {
    if (unreachable.isEmpty()) {
      return;
    }
    List<Waiting> all = new ArrayList<>(unreachable);
    for (Waiting waiting : all) {
      waiting.timer.cancel(false);
      waiting.run();
    }
  }

  private final class Waiting implements Runnable {
    private final Runnable attempt;
    private final boolean looks;
    private ScheduledFuture<?> timer;

    Waiting(Runnable attempt, boolean looks) {
      this.attempt = attempt;
      this.looks = looks;
    }

    @Override
    public void run() {
      unreachable.remove(this);
      isLookedAfter &= !looks;
      attempt.run();
    }
  }
}

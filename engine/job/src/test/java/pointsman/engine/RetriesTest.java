package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.shaded.netty4.io.netty.channel.DefaultEventLoop;
import org.apache.flink.shaded.netty4.io.netty.channel.EventLoop;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class RetriesTest {
  private static final long LONG_MS = 600_000;

  private final EventLoop loop = new DefaultEventLoop();
  private final Retries retries = new Retries(loop);

  @AfterEach
  void stop() {
    loop.shutdownGracefully();
  }

  private void inLoop(Runnable task) throws Exception {
    loop.submit(task).get();
  }

  @Test
  void oneOfThoseWhoWaitLooksSoonAndTheOthersDoNot() throws Exception {
    AtomicInteger others = new AtomicInteger();
    CountDownLatch looked = new CountDownLatch(3);
    Runnable look =
        new Runnable() {
          @Override
          public void run() {
            looked.countDown();
            retries.whenReachable(LONG_MS, this);
          }
        };
    inLoop(() -> retries.whenReachable(LONG_MS, look));
    for (int i = 0; i < 50; i++) {
      inLoop(() -> retries.whenReachable(LONG_MS, others::incrementAndGet));
    }
    looked.await();
    assertEquals(0, others.get());
  }

  @Test
  void whenOneIsAnsweredAllFollowOnce() throws Exception {
    AtomicInteger made = new AtomicInteger();
    inLoop(
        () -> {
          for (int i = 0; i < 50; i++) {
            retries.whenReachable(LONG_MS, made::incrementAndGet);
          }
          retries.answered();
          retries.answered();
        });
    assertEquals(50, made.get());
  }

  @Test
  void anotherLooksAfterTheOneThatDidWasAnswered() throws Exception {
    CountDownLatch looked = new CountDownLatch(1);
    inLoop(
        () -> {
          retries.whenReachable(LONG_MS, () -> {});
          retries.answered();
          retries.whenReachable(LONG_MS, looked::countDown);
        });
    looked.await();
  }

  @Test
  void aCallThatFailsByItselfIsNotHurriedByTheAnswersOfOthers() throws Exception {
    AtomicInteger made = new AtomicInteger();
    inLoop(
        () -> {
          retries.after(LONG_MS, made::incrementAndGet);
          retries.answered();
        });
    assertEquals(0, made.get());
  }

  @Test
  void aShortPauseStaysShort() throws Exception {
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch all = new CountDownLatch(3);
    inLoop(
        () -> {
          loop.schedule(() -> note(order, "look", all), Retries.LOOK_MS, TimeUnit.MILLISECONDS);
          retries.whenReachable(1, () -> note(order, "attempt", all));
          retries.whenReachable(1, () -> note(order, "attempt", all));
        });
    all.await();
    assertEquals(List.of("attempt", "attempt", "look"), order, "they waited for longer than they asked for");
  }

  private static void note(List<String> order, String what, CountDownLatch all) {
    order.add(what);
    all.countDown();
  }
}

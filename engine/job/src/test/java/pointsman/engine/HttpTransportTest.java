package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pointsman.engine.Calls.withState;
import static pointsman.engine.ScriptedServer.after;
import static pointsman.engine.ScriptedServer.cut;
import static pointsman.engine.ScriptedServer.http;
import static pointsman.engine.ScriptedServer.ok;
import static pointsman.engine.ScriptedServer.text;

import java.net.URI;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.apache.flink.statefun.sdk.reqreply.generated.ToFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class HttpTransportTest {
  private static final FromFunction REPLY = Calls.reply(10);
  private static final ScriptedServer.Answer USUAL = ok(REPLY.toByteArray());

  private final HttpTransport transport = new HttpTransport();
  private final ObjectNode properties = new ObjectMapper().createObjectNode().put("type", "pointsman/http");
  private ScriptedServer server;

  @BeforeEach
  void startServer() throws Exception {
    server = new ScriptedServer(0, USUAL);
  }

  @AfterEach
  void stop() throws Exception {
    transport.cleanup();
    server.close();
  }

  @Test
  void sendsTheRequestWholeAndReturnsTheReply() throws Exception {
    ToFunction request = withState(new byte[3_000_000]);

    assertEquals(REPLY, calls().call(request).get());

    assertEquals(List.of(request), server.requests);
    String head = server.heads.get(0);
    assertTrue(head.startsWith("POST /pointsman/router HTTP/1.1\r\nHost: 127.0.0.1:" + server.port() + "\r\n"), head);
    assertTrue(head.contains("\r\nContent-Type: application/octet-stream\r\n"), head);
  }

  @Test
  void readsALargeReply() throws Exception {
    FromFunction large = Calls.reply(5_000_000);
    server.then(ok(large.toByteArray()));
    assertEquals(large, calls().call(withState(new byte[1])).get());
  }

  @Test
  void anEmptyReplyMeansNoEffects() throws Exception {
    server.then(ok(new byte[0]));
    assertEquals(FromFunction.getDefaultInstance(), calls().call(withState(new byte[1])).get());
  }

  static Stream<Named<ScriptedServer.Answer>> badAnswers() {
    byte[] good = REPLY.toByteArray();
    return Stream.of(
        Named.of("503", http("503 Service Unavailable\r\nContent-Type: text/plain", "draining".getBytes())),
        Named.of("404 with our content type", http("404 Not Found\r\nContent-Type: application/octet-stream", good)),
        Named.of("another content type", http("200 OK\r\nContent-Type: text/html", good)),
        Named.of("no content type", http("200 OK", good)),
        Named.of("a reply that does not parse", ok(new byte[] {10, 127, 1})),
        Named.of("no HTTP", after(text("SSH-2.0-OpenSSH_9.2\r\n\r\n"), cut())),
        Named.of("another checksum", checked(good, "00000000")),
        Named.of("a body that was cut short", checked(Arrays.copyOf(good, 3), Checksum.of(ByteBuffer.wrap(good)))),
        Named.of("a length that is no number", text("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")),
        Named.of("a cut connection", cut()),
        Named.of("a cut inside the body", after(text("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"), cut())),
        Named.of("a cut in the middle of the head", after(text("HTTP/1.1 200 OK\r\nConte"), cut())));
  }

  @ParameterizedTest
  @MethodSource("badAnswers")
  void triesAgainAfter(ScriptedServer.Answer bad) throws Exception {
    server.then(bad).then(bad);
    Calls calls = calls();

    assertEquals(REPLY, calls.call(withState(new byte[1])).get());

    assertEquals(3, server.requests.size());
    assertEquals(2, calls.failures.get());
    assertEquals(3, calls.latencies.size());
  }

  @Test
  void whoSentAChecksumOnceMustGoOn() throws Exception {
    byte[] body = REPLY.toByteArray();
    String right = Checksum.of(ByteBuffer.wrap(body));
    server.then(checked(body, right)).then(USUAL).then(checked(body, right));
    Calls calls = calls();

    calls.call(withState(new byte[1])).get();
    assertEquals(REPLY, calls.call(withState(new byte[1])).get());

    assertEquals(1, calls.failures.get());
    assertEquals(2, server.connections.size());
  }

  @Test
  void sendsTheChecksumOfItsRequest() throws Exception {
    ToFunction request = withState(new byte[3]);
    calls().call(request).get();
    String sum = Checksum.of(ByteBuffer.wrap(request.toByteArray()));
    assertTrue(server.heads.get(0).contains("\r\npointsman-crc32: " + sum + "\r\n"), server.heads.get(0));
  }

  @Test
  void aReplyThatBreaksOffIsAskedForAgain() throws Exception {
    properties.put("stall", "50 ms");
    server.then(text("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"));
    Calls calls = calls();
    assertEquals(REPLY, calls.call(withState(new byte[1])).get());
    assertEquals(1, calls.failures.get());
  }

  @Test
  void waitsForAServerThatIsNotThereYet() throws Exception {
    int port = server.port();
    server.close();
    Calls calls = calls();
    CompletableFuture<FromFunction> reply = calls.call(withState(new byte[1]));
    until(() -> calls.failures.get() >= 4);
    assertFalse(reply.isDone());

    server = new ScriptedServer(port, USUAL);

    assertEquals(REPLY, reply.get(5, TimeUnit.SECONDS));
  }

  @Test
  void noticesTheEndOfALongOutageAtOnce() throws Exception {
    int port = server.port();
    long fastest = Long.MAX_VALUE;
    for (int round = 0; round < 3; round++) {
      server.close();
      Calls calls = calls();
      List<CompletableFuture<FromFunction>> waiting =
          Stream.generate(() -> calls.call(withState(new byte[1]))).limit(50).collect(Collectors.toList());
      until(() -> calls.failures.get() >= 50 * 7); // all have just failed, and wait for a second

      long begun = System.nanoTime();
      server = new ScriptedServer(port, USUAL);
      for (CompletableFuture<FromFunction> reply : waiting) {
        assertEquals(REPLY, reply.get(5, TimeUnit.SECONDS));
      }
      fastest = Math.min(fastest, System.nanoTime() - begun);
    }
    // One round in three is quick even on a busy machine.
    assertTrue(fastest < TimeUnit.MILLISECONDS.toNanos(700), fastest + " ns");
  }

  @Test
  void waitsForAHostThatHasNoAddress() throws Exception {
    Calls calls = new Calls(transport.createTransportClient(properties, URI.create("http://my_pool.invalid:8000/")));
    CompletableFuture<FromFunction> reply = calls.call(withState(new byte[1]));
    until(() -> calls.failures.get() >= 2);
    assertFalse(reply.isDone());
  }

  @Test
  void aReplyOverTheLimitIsNotReadAndTriedAgain() throws Exception {
    properties.put("payload_max_bytes", 1000);
    server
        .then(ok(Calls.reply(1001).toByteArray()))
        .then(text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n600\r\n" + "x".repeat(0x600)));
    Calls calls = calls();

    assertEquals(REPLY, calls.call(withState(new byte[1])).get());
    assertEquals(2, calls.failures.get());
  }

  @Test
  void aReplyOfExactlyTheLimitIsRead() throws Exception {
    properties.put("payload_max_bytes", REPLY.getSerializedSize());
    assertEquals(REPLY, calls().call(withState(new byte[1])).get());
  }

  @Test
  void aLongCallIsNotCut() throws Exception {
    server.then(connection -> {
      Thread.sleep(2500);
      USUAL.give(connection);
    });
    Calls calls = calls();

    assertEquals(REPLY, calls.call(withState(new byte[1])).get());
    assertEquals(1, server.requests.size());
    assertEquals(0, calls.failures.get());
  }

  @Test
  void aCallThatNeverEndsIsMadeAgainAfterItsTime() throws Exception {
    properties.put("call", "200 ms");
    server.then(connection -> {});
    assertEquals(REPLY, calls().call(withState(new byte[1])).get());
    assertEquals(2, server.requests.size());
  }

  @Test
  void oneConnectionServesOneCallAfterTheOther() throws Exception {
    Calls calls = calls();
    for (int i = 0; i < 20; i++) {
      calls.call(withState(new byte[i])).get();
    }
    assertEquals(1, server.connections.size());
  }

  @Test
  void aServerThatAsksForItGetsANewConnection() throws Exception {
    server.then(http("200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close", REPLY.toByteArray()));
    Calls calls = calls();
    calls.call(withState(new byte[1])).get();
    calls.call(withState(new byte[1])).get();
    assertEquals(2, server.connections.size());
    assertEquals(0, calls.failures.get());
  }

  @Test
  void oldConnectionsAreReplaced() throws Exception {
    properties.put("pool_ttl", "50 ms");
    Calls calls = calls();
    calls.call(withState(new byte[1])).get();
    Thread.sleep(60);
    calls.call(withState(new byte[1])).get();
    calls.call(withState(new byte[1])).get();
    assertTrue(server.connections.size() >= 2);
    assertEquals(0, calls.failures.get());
  }

  @Test
  void aConnectionThatWentStaleIsReplacedWithoutAPause() throws Exception {
    Calls calls = calls();
    long fastest = Long.MAX_VALUE;
    for (int i = 0; i < 10; i++) {
      calls.call(withState(new byte[1])).get();
      server.then(cut());
      long begun = System.nanoTime();
      assertEquals(REPLY, calls.call(withState(new byte[1])).get());
      fastest = Math.min(fastest, System.nanoTime() - begun);
    }
    assertEquals(10, calls.failures.get());
    // The shortest pause is 20 ms; one round in ten is quick even on a busy machine.
    assertTrue(fastest < TimeUnit.MILLISECONDS.toNanos(20), fastest + " ns");
  }

  @Test
  void aRestartedServerIsFoundAtOnce() throws Exception {
    Calls calls = calls();
    List<CompletableFuture<FromFunction>> warm = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      warm.add(calls.call(withState(new byte[1])));
    }
    CompletableFuture.allOf(warm.toArray(new CompletableFuture<?>[0])).get();
    int port = server.port();
    server.close();
    server = new ScriptedServer(port, USUAL);

    long begun = System.nanoTime();
    calls.call(withState(new byte[1])).get();

    assertTrue(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun) < 1000);
    assertTrue(calls.failures.get() <= 20);
  }

  @Test
  void callsBeyondTheSizeOfThePoolWaitForAConnection() throws Exception {
    properties.put("pool_size", 2);
    CountDownLatch gate = new CountDownLatch(1);
    ScriptedServer.Answer held = connection -> {
      gate.await();
      USUAL.give(connection);
    };
    server.then(held).then(held);
    Calls calls = calls();
    List<CompletableFuture<FromFunction>> replies =
        Stream.generate(() -> calls.call(withState(new byte[1]))).limit(10).collect(Collectors.toList());
    until(() -> server.requests.size() == 2);

    gate.countDown();

    for (CompletableFuture<FromFunction> reply : replies) {
      assertEquals(REPLY, reply.get());
    }
    assertEquals(2, server.connections.size());
  }

  @Test
  void oneDeadFunctionDoesNotHoldUpAnother() throws Exception {
    Calls dead = new Calls(transport.createTransportClient(properties, URI.create("http://127.0.0.1:1/")));
    List<CompletableFuture<FromFunction>> waiting =
        Stream.generate(() -> dead.call(withState(new byte[1]))).limit(200).collect(Collectors.toList());
    assertEquals(REPLY, calls().call(withState(new byte[1])).get(5, TimeUnit.SECONDS));
    assertTrue(waiting.stream().noneMatch(CompletableFuture::isDone));
  }

  @Test
  void cleaningUpTwiceEndsTheThreadsAndLeavesCallsOpen() throws Exception {
    server.then(connection -> {});
    Calls calls = calls();
    CompletableFuture<FromFunction> open = calls.call(withState(new byte[1]));
    until(() -> server.requests.size() == 1);

    transport.cleanup();
    transport.cleanup();

    until(() -> Thread.getAllStackTraces().keySet().stream().noneMatch(t -> t.getName().startsWith("pointsman-http")));
    assertFalse(open.isDone());
    assertFalse(calls.call(withState(new byte[1])).isDone());
  }

  @Test
  void aSettingThatNobodyKnowsIsRefused() {
    properties.put("cal", "60s");
    assertThrows(IllegalArgumentException.class, this::calls);
  }

  private static ScriptedServer.Answer checked(byte[] body, String checksum) {
    String head = "200 OK\r\nContent-Type: application/octet-stream\r\nPointsman-CRC32: ";
    return http(head + checksum, body);
  }

  private Calls calls() {
    return new Calls(transport.createTransportClient(properties, server.url()));
  }

  private static void until(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) {
      Thread.sleep(5);
    }
  }
}

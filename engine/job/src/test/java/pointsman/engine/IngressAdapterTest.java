package pointsman.engine;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pointsman.engine.Batches.get;
import static pointsman.engine.Polls.bytes;
import static pointsman.engine.Polls.poll;
import static pointsman.engine.Polls.record;

import com.google.protobuf.ByteString;
import com.google.protobuf.DynamicMessage;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IngressAdapterTest {
  private final IngressAdapter adapter = new IngressAdapter();

  @BeforeEach
  void declareTopics() {
    adapter.configure(Map.of(IngressAdapter.TOPICS, "requests=protobuf, flat=json, own=json:digits"));
  }

  @Test
  void carriesEveryFieldOfARecord() {
    Headers headers = new RecordHeaders().add("trace", bytes("abc")).add("trace", bytes("def"));

    DynamicMessage ingress = only(record("requests", 3, 42, bytes("digits"), bytes("body"), headers));

    assertEquals("requests", get(ingress, "topic"));
    assertEquals(3, get(ingress, "partition"));
    assertEquals(42L, get(ingress, "offset"));
    assertEquals(Polls.EPOCH_MS + 42, get(ingress, "timestamp_ms"));
    assertEquals(ByteString.copyFromUtf8("digits"), get(ingress, "key"));
    assertEquals(ByteString.copyFromUtf8("body"), get(ingress, "value"));
    assertEquals(1, get(ingress, "format"));
    assertEquals(false, get(ingress, "null_value"));
    assertEquals("", get(ingress, "model"));
    List<?> carried = (List<?>) get(ingress, "headers");
    assertEquals(2, carried.size());
    assertEquals("trace", get((DynamicMessage) carried.get(1), "key"));
    assertEquals(ByteString.copyFromUtf8("def"), get((DynamicMessage) carried.get(1), "value"));
  }

  @ParameterizedTest
  @CsvSource({
    // topic, header, key -> address, model
    "requests, other,   digits, other,  other",
    "requests, ,        digits, digits, ''",
    "requests, ,        ,       _,      ''",
    "requests, ,        Digits, _,      ''",
    "requests, ,        '',     _,      ''",
    "requests, Not One, digits, digits, Not One",
    "requests, '',      digits, digits, ''",
    "own,      ,        x,      digits, digits",
    "own,      other,   x,      other,  other",
    "own,      Not One, x,      digits, Not One",
    "nowhere,  ,        x,      x,      ''",
  })
  void findsTheAddressInHeaderThenDeclarationThenKey(
      String topic, String header, String key, String address, String model) {
    Headers headers = new RecordHeaders();
    if (header != null) {
      headers.add("model", bytes(header));
    }
    ConsumerRecord<byte[], byte[]> run = onlyRun(record(topic, 0, 1, bytes(key), bytes("v"), headers));

    assertArrayEquals(bytes(address), run.key());
    assertEquals(model, get(Batches.recordsOf(run.value()).get(0), "model"));
  }

  @ParameterizedTest
  @CsvSource({"requests, 1", "flat, 2", "own, 2", "nowhere, 0"})
  void givesATopicItsDeclaredFormat(String topic, int format) {
    assertEquals(format, get(only(record(topic, 0, 0, null, null, new RecordHeaders())), "format"));
  }

  @Test
  void theLastModelHeaderCounts() {
    Headers headers = new RecordHeaders().add("model", bytes("a")).add("model", bytes("b"));
    assertArrayEquals(bytes("b"), onlyRun(record("requests", 0, 0, null, null, headers)).key());
  }

  @Test
  void tellsATombstoneFromAnEmptyValue() {
    assertEquals(true, get(only(record(0, "m", null)), "null_value"));
    assertEquals(false, get(only(record(0, "m", "")), "null_value"));
  }

  @Test
  void aHeaderWithoutValueBecomesAnEmptyOne() {
    Headers headers = new RecordHeaders().add("empty", null).add("model", null);
    ConsumerRecord<byte[], byte[]> run = onlyRun(record("requests", 0, 0, bytes("m"), null, headers));
    assertArrayEquals(bytes("m"), run.key());
    assertEquals(2, ((List<?>) get(Batches.recordsOf(run.value()).get(0), "headers")).size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\u00ff\u00fe", "\u0000", "m\u00e9", "\u00c3\u00a9", " m", "m/n", "m~1"})
  void aKeyThatIsNoNameGoesToTheUnderscoreAndStaysAsItIs(String latin1) {
    byte[] key = latin1.getBytes(ISO_8859_1);
    ConsumerRecord<byte[], byte[]> run = onlyRun(record("requests", 0, 0, key, bytes("v"), new RecordHeaders()));
    assertArrayEquals(bytes("_"), run.key());
    assertEquals(ByteString.copyFrom(key), get(Batches.recordsOf(run.value()).get(0), "key"));
  }

  @Test
  void aModelHeaderThatIsNotTextStillParses() {
    Headers headers = new RecordHeaders().add("model", new byte[] {(byte) 0xff, (byte) 0xc0});
    ConsumerRecord<byte[], byte[]> run = onlyRun(record("requests", 0, 0, bytes("m"), null, headers));
    assertArrayEquals(bytes("m"), run.key());
    assertEquals("\ufffd\ufffd", get(Batches.recordsOf(run.value()).get(0), "model"));
  }

  @Test
  void headersThatCannotBeReadAreLeftOutAndTheRecordStays() {
    Header broken = new BrokenHeader();
    ConsumerRecord<byte[], byte[]> run =
        onlyRun(record("own", 0, 5, null, bytes("v"), new RecordHeaders(List.of(broken))));
    DynamicMessage ingress = Batches.recordsOf(run.value()).get(0);
    assertArrayEquals(bytes("digits"), run.key());
    assertEquals("digits", get(ingress, "model"));
    assertEquals(ByteString.copyFromUtf8("v"), get(ingress, "value"));
    assertTrue(((List<?>) get(ingress, "headers")).isEmpty());
  }

  @Test
  void aHugeRecordComesThroughWhole() {
    byte[] huge = new byte[20 << 20];
    huge[huge.length - 1] = 1;
    Object value = get(only(record("requests", 0, 0, null, huge, new RecordHeaders())), "value");
    assertEquals(ByteString.copyFrom(huge), value);
  }

  @Test
  void timestampsAndOffsetsOfAnySizeComeThrough() {
    ConsumerRecord<byte[], byte[]> odd = new ConsumerRecord<>("requests", 0, Long.MAX_VALUE, null, null);
    DynamicMessage ingress = only(odd);
    assertEquals(Long.MAX_VALUE, get(ingress, "offset"));
    assertEquals(ConsumerRecord.NO_TIMESTAMP, get(ingress, "timestamp_ms"));
  }

  @Test
  void anEmptyPollStaysAsItIs() {
    ConsumerRecords<byte[], byte[]> empty = ConsumerRecords.empty();
    assertSame(empty, adapter.onConsume(empty));
  }

  @Test
  void withoutDeclarationsTopicsHaveNoFormat() {
    IngressAdapter undeclared = new IngressAdapter();
    undeclared.configure(Map.of());
    byte[] batch = undeclared.onConsume(poll(List.of(record(0, "m", "v")))).iterator().next().value();
    assertEquals(0, get(Batches.recordsOf(batch).get(0), "format"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"requests", "requests=xml", "requests=json:", "requests=json:Not One"})
  void aMistakeInTheDeclarationsStopsTheStart(String declared) {
    assertThrows(ConfigException.class, () -> adapter.configure(Map.of(IngressAdapter.TOPICS, declared)));
  }

  private ConsumerRecord<byte[], byte[]> onlyRun(ConsumerRecord<byte[], byte[]> record) {
    ConsumerRecords<byte[], byte[]> runs = adapter.onConsume(poll(List.of(record)));
    assertEquals(1, runs.count());
    return runs.iterator().next();
  }

  private DynamicMessage only(ConsumerRecord<byte[], byte[]> record) {
    List<DynamicMessage> records = Batches.recordsOf(onlyRun(record).value());
    assertEquals(1, records.size());
    return records.get(0);
  }

  private static final class BrokenHeader implements Header {
    @Override
    public String key() {
      return "model";
    }

    @Override
    public byte[] value() {
      throw new IllegalStateException("unreadable");
    }
  }
}

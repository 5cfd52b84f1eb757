package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pointsman.engine.Polls.TOPIC;
import static pointsman.engine.Polls.bytes;
import static pointsman.engine.Polls.poll;
import static pointsman.engine.Polls.record;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunTest {
  private final IngressAdapter adapter = new IngressAdapter();

  @Test
  void neighboursOfOneAddressShareARunUnderTheLastOffset() {
    List<ConsumerRecord<byte[], byte[]>> runs =
        runs(List.of(record(7, "m", "a"), record(9, "m", "b"), record(12, "m", "c")));

    assertEquals(1, runs.size());
    ConsumerRecord<byte[], byte[]> run = runs.get(0);
    assertEquals(12, run.offset());
    assertEquals(Polls.EPOCH_MS + 12, run.timestamp());
    assertEquals(TimestampType.CREATE_TIME, run.timestampType());
    assertEquals(Optional.of(7), run.leaderEpoch());
    assertArrayEquals(bytes("m"), run.key());
    assertEquals(List.of(7L, 9L, 12L), offsetsIn(run));
  }

  @Test
  void aRunNeverCrossesAnAddress() {
    List<ConsumerRecord<byte[], byte[]>> runs =
        runs(List.of(record(0, "a", ""), record(1, "b", ""), record(2, "b", ""), record(3, "a", "")));
    assertEquals(List.of("a", "b", "a"), keys(runs));
    assertEquals(List.of(0L, 2L, 3L), offsets(runs));
  }

  @Test
  void recordsWithoutAModelShareRunsWhateverTheirKeys() {
    assertEquals(List.of("_"), keys(runs(List.of(record(0, null, ""), record(1, "Not One", "")))));
  }

  @Test
  void aRunNeverCrossesAPartition() {
    ConsumerRecords<byte[], byte[]> polled =
        poll(
            List.of(
                record(TOPIC, 0, 5, bytes("m"), null, new RecordHeaders()),
                record(TOPIC, 1, 6, bytes("m"), null, new RecordHeaders())));

    ConsumerRecords<byte[], byte[]> out = adapter.onConsume(polled);

    assertEquals(polled.partitions(), out.partitions());
    assertEquals(5, out.records(new TopicPartition(TOPIC, 0)).get(0).offset());
    assertEquals(6, out.records(new TopicPartition(TOPIC, 1)).get(0).offset());
  }

  @ParameterizedTest
  @CsvSource({"512, 1", "513, 2", "1024, 2", "1025, 3"})
  void aRunHoldsAtMost512Records(int records, int expected) {
    List<ConsumerRecord<byte[], byte[]>> runs =
        runs(IntStream.range(0, records).mapToObj(i -> record(i, "m", "")).collect(Collectors.toList()));
    assertEquals(expected, runs.size());
    assertEquals(Math.min(records, 512), offsetsIn(runs.get(0)).size());
  }

  @Test
  void aRunMayHaveExactlyOneMebibyte() {
    List<ConsumerRecord<byte[], byte[]>> runs = runs(List.of(record(0, "m", ""), filling(1, Run.MOST_BYTES)));
    assertEquals(1, runs.size());
    assertEquals(Run.MOST_BYTES, runs.get(0).value().length);
  }

  @Test
  void oneByteMoreStartsANewRun() {
    List<ConsumerRecord<byte[], byte[]>> runs = runs(List.of(record(0, "m", ""), filling(1, Run.MOST_BYTES + 1)));
    assertEquals(List.of(0L, 1L), offsets(runs));
  }

  @Test
  void aRecordOverTheLimitTravelsAlone() {
    String large = "x".repeat(Run.MOST_BYTES + 1);
    List<ConsumerRecord<byte[], byte[]>> runs =
        runs(List.of(record(0, "m", "a"), record(1, "m", large), record(2, "m", "b"), record(3, "m", "c")));
    assertEquals(List.of(0L, 1L, 3L), offsets(runs));
    assertEquals(List.of(1L), offsetsIn(runs.get(1)));
  }

  @Test
  void anyPollKeepsEveryRecordOnceInOrderAndWithinTheLimits() {
    Random random = new Random(1);
    for (int poll = 0; poll < 50; poll++) {
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      for (long offset = 0; offset < 2000; offset += 1 + random.nextInt(3)) {
        String value = "v".repeat(random.nextInt(100) == 0 ? 300_000 : random.nextInt(50));
        records.add(record(offset, random.nextInt(50) == 0 ? "b" : "a", value));
      }

      List<ConsumerRecord<byte[], byte[]>> runs = runs(records);

      assertEquals(
          offsets(records), runs.stream().flatMap(run -> offsetsIn(run).stream()).collect(Collectors.toList()));
      for (ConsumerRecord<byte[], byte[]> run : runs) {
        List<Long> inside = offsetsIn(run);
        assertEquals(run.offset(), inside.get(inside.size() - 1));
        assertTrue(inside.size() <= 512);
        assertTrue(run.value().length <= Run.MOST_BYTES);
      }
    }
  }

  private List<ConsumerRecord<byte[], byte[]>> runs(List<ConsumerRecord<byte[], byte[]>> records) {
    return adapter.onConsume(poll(records)).records(new TopicPartition(TOPIC, 0));
  }

  /** A record that brings a run that holds {@code record(0, "m", "")} to this many bytes. */
  private ConsumerRecord<byte[], byte[]> filling(long offset, int runBytes) {
    String large = "x".repeat(1_000_000);
    int measured = runs(List.of(record(0, "m", ""), record(offset, "m", large))).get(0).value().length;
    return record(offset, "m", "x".repeat(runBytes - measured + large.length()));
  }

  private static List<String> keys(List<ConsumerRecord<byte[], byte[]>> runs) {
    return runs.stream().map(run -> new String(run.key(), StandardCharsets.UTF_8)).collect(Collectors.toList());
  }

  private static List<Long> offsets(List<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream().map(ConsumerRecord::offset).collect(Collectors.toList());
  }

  private static List<Long> offsetsIn(ConsumerRecord<byte[], byte[]> run) {
    return Batches.recordsOf(run.value()).stream()
        .map(ingress -> (Long) Batches.get(ingress, "offset"))
        .collect(Collectors.toList());
  }
}

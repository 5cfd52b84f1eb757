package pointsman.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** Makes what a Kafka poll returns. */
final class Polls {
  static final String TOPIC = "requests";
  static final long EPOCH_MS = 1_700_000_000_000L;

  private Polls() {}

  static ConsumerRecord<byte[], byte[]> record(
      String topic, int partition, long offset, byte[] key, byte[] value, Headers headers) {
    long time = EPOCH_MS + offset;
    return new ConsumerRecord<>(
        topic, partition, offset, time, TimestampType.CREATE_TIME, -1, -1, key, value, headers, Optional.of(7));
  }

  static ConsumerRecord<byte[], byte[]> record(long offset, String key, String value) {
    return record(TOPIC, 0, offset, bytes(key), bytes(value), new RecordHeaders());
  }

  static byte[] bytes(String text) {
    return text == null ? null : text.getBytes(UTF_8);
  }

  static ConsumerRecords<byte[], byte[]> poll(List<ConsumerRecord<byte[], byte[]>> records) {
    Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> byPartition = new LinkedHashMap<>();
    for (ConsumerRecord<byte[], byte[]> each : records) {
      byPartition
          .computeIfAbsent(new TopicPartition(each.topic(), each.partition()), partition -> new ArrayList<>())
          .add(each);
    }
    return new ConsumerRecords<>(byPartition);
  }
}

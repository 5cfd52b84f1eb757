package pointsman.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Turns what a poll returned into messages for the router.
 *
 * <p>Each value that leaves is a {@code pointsman.v1.IngressBatch}: a run of neighbouring records of
 * one partition with one address, under the offset of its last record. Each key that leaves is that
 * address. Neither is ever null, and every record that came in is in exactly one run, in order.
 *
 * <p>Nothing about a record may throw here: Kafka would swallow the exception and pass the raw
 * records on, whose null keys and values kill the job.
 */
public final class IngressAdapter implements ConsumerInterceptor<byte[], byte[]> {
  /** The property of the consumer that declares topics; {@link Topics} gives its form. */
  static final String TOPICS = "pointsman.topics";

  private Topics topics = Topics.parse("");

  @Override
  public void configure(Map<String, ?> properties) {
    Object declared = properties.get(TOPICS);
    topics = Topics.parse(declared == null ? "" : declared.toString());
  }

  @Override
  public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> polled) {
    if (polled.isEmpty()) {
      return polled;
    }
    Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> runs = new HashMap<>();
    // A fresh encoder for each poll: what one huge record makes it allocate does not stay.
    IngressEncoder encoder = new IngressEncoder(topics);
    for (TopicPartition partition : polled.partitions()) {
      runs.put(partition, runsOf(polled.records(partition), encoder));
    }
    return new ConsumerRecords<>(runs);
  }

  private static List<ConsumerRecord<byte[], byte[]>> runsOf(
      List<ConsumerRecord<byte[], byte[]>> records, IngressEncoder encoder) {
    List<ConsumerRecord<byte[], byte[]>> runs = new ArrayList<>();
    Run run = new Run();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      String address = encoder.encode(record);
      if (!run.takes(address, encoder.encoded())) {
        runs.add(run.close());
      }
      run.add(record, address, encoder.encoded());
    }
    runs.add(run.close());
    return runs;
  }

  @Override
  public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

  @Override
  public void close() {}
}

package pointsman.engine;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;

/**
 * Gathers neighbouring records of one address into one record.
 *
 * <p>Flink stores the offset of the record it emitted last and resumes behind it. A run carries the
 * offset of its last record, so a checkpoint lies before or behind a whole run, never inside it.
 */
final class Run {
  static final int MOST_RECORDS = 512;
  static final int MOST_BYTES = 1 << 20;

  private static final int RECORDS_FIELD = 1;

  private final ProtoWriter batch = new ProtoWriter(4096);
  private String address;
  private ConsumerRecord<byte[], byte[]> last;
  private int count;

  /** An empty run takes anything; a record over the byte limit so travels alone. */
  boolean takes(String nextAddress, ProtoWriter next) {
    return count == 0
        || count < MOST_RECORDS
            && nextAddress.equals(address)
            && (long) batch.size() + ProtoWriter.messageSize(RECORDS_FIELD, next.size()) <= MOST_BYTES;
  }

  void add(ConsumerRecord<byte[], byte[]> record, String itsAddress, ProtoWriter ingress) {
    batch.message(RECORDS_FIELD, ingress);
    address = itsAddress;
    last = record;
    count++;
  }

  /** The run as one record; leaves this run empty. */
  ConsumerRecord<byte[], byte[]> close() {
    byte[] key = address.getBytes(StandardCharsets.UTF_8);
    byte[] value = batch.toByteArray();
    batch.clear();
    count = 0;
    return new ConsumerRecord<>(
        last.topic(),
        last.partition(),
        last.offset(),
        last.timestamp(),
        last.timestampType(),
        key.length,
        value.length,
        key,
        value,
        new RecordHeaders(),
        last.leaderEpoch());
  }
}

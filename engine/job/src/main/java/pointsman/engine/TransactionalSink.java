package pointsman.engine;

import java.util.Properties;
import org.apache.flink.statefun.flink.io.kafka.binders.egress.v1.GenericKafkaEgressSerializer;
import org.apache.flink.statefun.sdk.reqreply.generated.TypedValue;
import org.apache.flink.streaming.connectors.kafka.FlinkKafkaProducer;
import org.apache.flink.streaming.connectors.kafka.KafkaSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Flink's own sink, that does not start over for ever after a long sleep.
 *
 * <p>A restored job commits the transactions that its checkpoint knows of, done or not. Kafka forgets an id
 * that was idle for {@code transactional.id.expiration.ms}, and the commit then fails as often as it is
 * made. It forgets only ids without an open transaction, so there is nothing left to commit.
 *
 * <p>StateFun takes a {@code SinkFunction} and nothing newer.
 */
@SuppressWarnings("deprecation")
final class TransactionalSink extends FlinkKafkaProducer<TypedValue> {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(TransactionalSink.class);

  TransactionalSink(Properties properties) {
    super("", new Serializer(), properties, Semantic.EXACTLY_ONCE, DEFAULT_KAFKA_PRODUCERS_POOL_SIZE);
  }

  @Override
  protected void recoverAndCommit(KafkaTransactionState transaction) {
    try {
      super.recoverAndCommit(transaction);
    } catch (InvalidPidMappingException forgotten) {
      LOG.warn(
          "Kafka has forgotten {}: it was committed, or taken back because it was open for longer than"
              + " transaction.timeout.ms, which is a loss. The job was away for very long.",
          transaction);
    }
  }

  private static final class Serializer implements KafkaSerializationSchema<TypedValue> {
    private static final long serialVersionUID = 1L;
    private final GenericKafkaEgressSerializer records = new GenericKafkaEgressSerializer();

    @Override
    public ProducerRecord<byte[], byte[]> serialize(TypedValue value, Long timestamp) {
      return records.serialize(value);
    }
  }
}

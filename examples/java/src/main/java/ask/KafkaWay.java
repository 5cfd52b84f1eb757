package ask;

import com.google.protobuf.InvalidProtocolBufferException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;
import pointsman.v1.Inference.InferenceResponse;

/**
 * Writes to the topic of requests, under the model's name, and reads the answer from that of responses, where
 * its key is the request's id.
 */
final class KafkaWay {
  private static final String REQUESTS = "pointsman.requests";
  private static final String RESPONSES = "pointsman.responses";

  private KafkaWay() {}

  static Answer ask(String address, Question question) throws Failure {
    long limit = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(question.timeoutMs());
    try (var consumer = consumer(address, question);
        var producer = producer(address, question)) {
      // Before the request is sent, or its answer may be there before we look.
      standAtEnd(consumer, question.id(), limit);
      byte[] value = question.message().toByteArray();
      producer
          .send(new ProducerRecord<>(REQUESTS, question.model(), value))
          .get(left(limit).toMillis(), TimeUnit.MILLISECONDS);
      while (System.nanoTime() < limit) {
        for (var record : consumer.poll(Duration.ofMillis(100))) {
          InferenceResponse response = read(record.value());
          if (response.getId().equals(question.id())) {
            return Answer.of(response);
          }
        }
      }
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new Failure("CANCELLED", "interrupted");
    } catch (KafkaException | ExecutionException | TimeoutException error) {
      throw new Failure("UNAVAILABLE", String.valueOf(error.getMessage()));
    }
    throw new Failure("DEADLINE_EXCEEDED", "no answer within " + question.timeoutMs() + " ms");
  }

  private static Duration left(long limit) {
    return Duration.ofNanos(Math.max(0, limit - System.nanoTime()));
  }

  private static KafkaConsumer<String, byte[]> consumer(String address, Question question) {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", address,
            "enable.auto.commit", false,
            "allow.auto.create.topics", false,
            "default.api.timeout.ms", (int) question.timeoutMs());
    return new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer());
  }

  private static KafkaProducer<String, byte[]> producer(String address, Question question) {
    int timeoutMs = (int) question.timeoutMs();
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", address,
            "max.block.ms", timeoutMs,
            "request.timeout.ms", timeoutMs,
            "delivery.timeout.ms", timeoutMs);
    return new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer());
  }

  /** Lets a consumer read what comes from now on to the partition of a key. */
  private static void standAtEnd(KafkaConsumer<String, byte[]> consumer, String key, long limit) {
    int partitions = consumer.partitionsFor(RESPONSES, left(limit)).size();
    if (partitions == 0) {
      throw new KafkaException("there is no topic " + RESPONSES);
    }
    int hash = Utils.toPositive(Utils.murmur2(key.getBytes(StandardCharsets.UTF_8)));
    TopicPartition partition = new TopicPartition(RESPONSES, hash % partitions);
    consumer.assign(List.of(partition));
    consumer.seek(partition, consumer.endOffsets(List.of(partition), left(limit)).get(partition));
  }

  /** Returns the response of a record; answers to others lie here too, also in JSON. */
  private static InferenceResponse read(byte[] value) {
    try {
      return InferenceResponse.parseFrom(value);
    } catch (InvalidProtocolBufferException error) {
      return InferenceResponse.getDefaultInstance();
    }
  }
}

package pointsman.engine;

import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * Encodes one Kafka record as {@code pointsman.v1.Ingress} and finds the address it goes to.
 *
 * <p>The address is the first of these that is a valid name: the header {@code model}, the topic's
 * declared model, the key; else {@code _}. The field {@code model} is the header as it stands, so that
 * a name with a mistake in it can be refused by name, else the declared model.
 */
final class IngressEncoder {
  static final String NO_MODEL = "_";

  private static final String MODEL_HEADER = "model";
  private static final byte[] EMPTY = {};

  private final Topics topics;
  private final ProtoWriter ingress = new ProtoWriter(1024);
  private final ProtoWriter header = new ProtoWriter(128);

  IngressEncoder(Topics topics) {
    this.topics = topics;
  }

  /** Encodes the record into {@link #encoded()} and returns its address. Total: it never throws an exception. */
  String encode(ConsumerRecord<byte[], byte[]> record) {
    Topics.Topic topic = topics.of(record.topic());
    String model;
    try {
      model = modelOf(record.headers(), topic);
      write(record, record.headers(), topic, model);
    } catch (RuntimeException unreadable) {
      model = topic.model;
      write(record, null, topic, model);
    }
    return addressOf(model, topic, record.key());
  }

  /** The Ingress encoded last; valid until the next {@link #encode}. */
  ProtoWriter encoded() {
    return ingress;
  }

  private void write(ConsumerRecord<byte[], byte[]> record, Headers headers, Topics.Topic topic, String model) {
    ingress.clear();
    ingress.string(1, record.topic());
    ingress.number(2, record.partition());
    ingress.number(3, record.offset());
    ingress.number(4, record.timestamp());
    if (headers != null) {
      for (Header each : headers) {
        header.clear();
        header.string(1, each.key());
        header.bytes(2, orEmpty(each.value()));
        ingress.message(5, header);
      }
    }
    ingress.bytes(6, orEmpty(record.key()));
    ingress.bytes(7, orEmpty(record.value()));
    ingress.number(8, topic.format);
    ingress.number(9, record.value() == null ? 1 : 0);
    ingress.string(10, model);
    ingress.string(12, topic.model);
  }

  private static String modelOf(Headers headers, Topics.Topic topic) {
    Header named = headers.lastHeader(MODEL_HEADER);
    if (named == null || named.value() == null || named.value().length == 0) {
      return topic.model;
    }
    return new String(named.value(), StandardCharsets.UTF_8);
  }

  private static String addressOf(String model, Topics.Topic topic, byte[] key) {
    if (Names.isValid(model)) {
      return model;
    }
    if (!topic.model.isEmpty()) {
      return topic.model;
    }
    // Latin-1 keeps one character for each byte, so no invalid key becomes a valid name.
    String text = key == null ? "" : new String(key, StandardCharsets.ISO_8859_1);
    return Names.isValid(text) ? text : NO_MODEL;
  }

  private static byte[] orEmpty(byte[] bytes) {
    return bytes == null ? EMPTY : bytes;
  }
}

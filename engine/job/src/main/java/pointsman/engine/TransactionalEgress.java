package pointsman.engine;

import java.time.Duration;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.statefun.extensions.ComponentBinder;
import org.apache.flink.statefun.extensions.ComponentJsonObject;
import org.apache.flink.statefun.flink.io.datastream.SinkFunctionSpec;
import org.apache.flink.statefun.sdk.TypeName;
import org.apache.flink.statefun.sdk.io.EgressIdentifier;
import org.apache.flink.statefun.sdk.reqreply.generated.TypedValue;
import org.apache.flink.statefun.sdk.spi.StatefulFunctionModule;
import org.apache.flink.util.TimeUtils;

/**
 * A Kafka egress whose records are committed with the checkpoint: {@code id}, {@code address}, {@code
 * transactionTimeout} and the producer's {@code properties}, as StateFun's own egress has them.
 */
final class TransactionalEgress implements ComponentBinder {
  private static final Set<String> KNOWN = Set.of("id", "address", "transactionTimeout", "properties");

  @Override
  public void bind(ComponentJsonObject component, StatefulFunctionModule.Binder binder) {
    JsonNode spec = component.specJsonNode();
    TypeName id = TypeName.parseFrom(text(spec, "id"));
    binder.bindEgress(
        new SinkFunctionSpec<>(
            new EgressIdentifier<>(id.namespace(), id.name(), TypedValue.class),
            new TransactionalSink(properties(spec))));
  }

  /** Refuses unknown names, which StateFun would let pass in silence. */
  static Properties properties(JsonNode spec) {
    spec.fieldNames()
        .forEachRemaining(
            name -> {
              if (!KNOWN.contains(name)) {
                throw new IllegalArgumentException("unknown egress setting '" + name + "', known: " + KNOWN);
              }
            });
    Properties properties = new Properties();
    for (JsonNode entry : spec.path("properties")) {
      entry.fields().forEachRemaining(field -> properties.setProperty(field.getKey(), field.getValue().asText()));
    }
    Duration timeout = TimeUtils.parseDuration(text(spec, "transactionTimeout"));
    properties.setProperty("bootstrap.servers", text(spec, "address"));
    properties.setProperty("transaction.timeout.ms", String.valueOf(timeout.toMillis()));
    return properties;
  }

  private static String text(JsonNode spec, String name) {
    if (!spec.path(name).isTextual()) {
      throw new IllegalArgumentException("the egress needs '" + name + "'");
    }
    return spec.get(name).asText();
  }
}

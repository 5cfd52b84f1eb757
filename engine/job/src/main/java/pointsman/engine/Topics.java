package pointsman.engine;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;

/**
 * What is declared for each topic: the encoding of its values and, where all its records are meant
 * for one model, that model.
 *
 * <p>Read from text such as {@code "requests=protobuf, own.topic=json:digits"}: items parted by
 * commas, each {@code topic=format} or {@code topic=format:model}.
 */
final class Topics {
  private static final Map<String, Integer> FORMATS = Map.of("protobuf", 1, "json", 2);
  private static final Topic UNDECLARED = new Topic(0, "");

  private final Map<String, Topic> byName;

  private Topics(Map<String, Topic> byName) {
    this.byName = byName;
  }

  /** A mistake in the text is a {@link ConfigException}: the consumer does not start. */
  static Topics parse(String text) {
    Map<String, Topic> byName = new HashMap<>();
    for (String item : text.split(",")) {
      if (!item.isBlank()) {
        String[] sides = item.split("=", 2);
        if (sides.length < 2) {
          throw new ConfigException("no '=' in topic declaration '" + item.strip() + "'");
        }
        byName.put(sides[0].strip(), topic(sides[1].strip()));
      }
    }
    return new Topics(byName);
  }

  Topic of(String name) {
    return byName.getOrDefault(name, UNDECLARED);
  }

  private static Topic topic(String declaration) {
    String[] parts = declaration.split(":", 2);
    Integer format = FORMATS.get(parts[0].strip());
    if (format == null) {
      throw new ConfigException("unknown format '" + parts[0] + "', known: protobuf, json");
    }
    String model = parts.length == 2 ? parts[1].strip() : "";
    if (parts.length == 2 && !Names.isValid(model)) {
      throw new ConfigException("'" + model + "' is not a valid model name");
    }
    return new Topic(format, model);
  }

  /** One topic's declaration; {@code format} is a number of the enum {@code pointsman.v1.Format}. */
  static final class Topic {
    final int format;
    final String model;

    Topic(int format, String model) {
      this.format = format;
      this.model = model;
    }
  }
}

package ask;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Sends one row of numbers to a model, through a gateway or through Kafka, and prints the answer as a line of
 * JSON. What is no answer it prints as {@code CODE: sentence}, and ends with 1.
 */
final class Ask {
  static final Gson GSON =
      new GsonBuilder()
          .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
          .disableHtmlEscaping()
          .create();

  private static final Map<String, Way> WAYS =
      Map.of("grpc", GrpcWay::ask, "http", HttpWay::ask, "kafka", KafkaWay::ask);
  private static final List<String> OPTIONS = List.of("model", "unit", "input", "values", "timeout");
  private static final String USAGE =
      """
      usage: ask --grpc|--http|--kafka HOST:PORT [options]
        --model NAME       the model (default digits)
        --unit UNIT        the sticky unit: a user, a device, a session
        --input NAME       the model's input (default pixels)
        --values X,Y,...   its row (default 64 zeros)
        --timeout SECONDS  within which the answer is wanted (default 10)""";

  private Ask() {}

  /** Asks at an address, HOST:PORT. */
  private interface Way {
    Answer ask(String address, Question question) throws Failure;
  }

  public static void main(String[] arguments) {
    System.exit(run(arguments));
  }

  private static int run(String[] arguments) {
    Way way;
    String address;
    Question question;
    try {
      Map<String, String> options = read(arguments);
      String name = chosen(options);
      way = WAYS.get(name);
      address = options.get(name);
      question = question(options);
    } catch (IllegalArgumentException error) {
      System.err.println(error.getMessage() + "\n" + USAGE);
      return 2;
    }
    try {
      System.out.println(GSON.toJson(way.ask(address, question)));
      return 0;
    } catch (Failure failure) {
      System.err.println(failure.getMessage());
    } catch (IllegalArgumentException error) {
      System.err.println("INVALID_ARGUMENT: " + error.getMessage());
    }
    return 1;
  }

  private static Map<String, String> read(String[] arguments) {
    Map<String, String> options = new HashMap<>();
    Iterator<String> rest = List.of(arguments).iterator();
    while (rest.hasNext()) {
      String[] option = rest.next().split("=", 2); // --name value, or --name=value
      String name = option[0].replaceFirst("^--", "");
      boolean hasValue = option.length == 2 || rest.hasNext();
      if (!hasValue || !(WAYS.containsKey(name) || OPTIONS.contains(name))) {
        throw new IllegalArgumentException("unknown, or without value: " + option[0]);
      }
      options.put(name, option.length == 2 ? option[1] : rest.next());
    }
    return options;
  }

  private static String chosen(Map<String, String> options) {
    List<String> ways = WAYS.keySet().stream().filter(options::containsKey).toList();
    if (ways.size() != 1) {
      throw new IllegalArgumentException("one of --grpc, --http and --kafka");
    }
    return ways.get(0);
  }

  private static Question question(Map<String, String> options) {
    String zeros = "0,".repeat(63) + "0";
    return new Question(
        UUID.randomUUID().toString(),
        options.getOrDefault("model", "digits"),
        options.getOrDefault("unit", ""),
        options.getOrDefault("input", "pixels"),
        Question.values(options.getOrDefault("values", zeros)),
        (long) (1000 * Double.parseDouble(options.getOrDefault("timeout", "10"))));
  }
}

package ask;

import com.google.gson.JsonParseException;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Asks a gateway in the Open Inference Protocol. */
final class HttpWay {
  private static final String PLAIN = "([!-~]([ -~]*[!-~])?)?";

  private HttpWay() {}

  private record Parameters(String arm, long epoch, String decisionId) {}

  private record Said(
      String id, String modelVersion, Parameters parameters, List<Answer.Output> outputs) {}

  private record Refused(String error) {}

  static Answer ask(String address, Question question) throws Failure {
    try {
      HttpResponse<String> response =
          HttpClient.newHttpClient()
              .send(request(address, question), HttpResponse.BodyHandlers.ofString());
      if (response.statusCode() != 200) {
        throw refusal(response);
      }
      Said said = Ask.GSON.fromJson(response.body(), Said.class);
      if (said == null || said.parameters() == null) {
        throw new Failure("UNAVAILABLE", "the server's answer is not pointsman's");
      }
      Parameters by = said.parameters();
      return new Answer(
          said.id(), said.modelVersion(), by.arm(), by.epoch(), by.decisionId(), said.outputs());
    } catch (HttpTimeoutException error) {
      throw new Failure("DEADLINE_EXCEEDED", "no answer in time");
    } catch (IOException | InterruptedException | JsonParseException error) {
      throw new Failure("UNAVAILABLE", error.toString());
    }
  }

  private static HttpRequest request(String address, Question question) {
    if (!question.unit().matches(PLAIN)) {
      throw new IllegalArgumentException("unit: a header takes printable ASCII");
    }
    Object input =
        Map.of(
            "name", question.input(),
            "datatype", "FP32",
            "shape", question.shape(),
            "data", question.values());
    String body = Ask.GSON.toJson(Map.of("id", question.id(), "inputs", List.of(input)));
    String model = URLEncoder.encode(question.model(), StandardCharsets.UTF_8).replace("+", "%20");
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://" + address + "/v2/models/" + model + "/infer"))
            .timeout(Duration.ofMillis(question.timeoutMs()))
            .header("content-type", "application/json")
            .header("x-pointsman-timeout-ms", Long.toString(question.timeoutMs()))
            .POST(HttpRequest.BodyPublishers.ofString(body));
    if (!question.unit().isEmpty()) {
      request.header("x-pointsman-unit", question.unit());
    }
    return request.build();
  }

  private static Failure refusal(HttpResponse<String> response) {
    return response
        .headers()
        .firstValue("x-pointsman-code")
        .map(code -> new Failure(code, Ask.GSON.fromJson(response.body(), Refused.class).error()))
        .orElseGet(() -> new Failure("UNKNOWN", "status " + response.statusCode()));
  }
}

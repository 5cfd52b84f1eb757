package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static pointsman.engine.Calls.withState;
import static pointsman.engine.Calls.withoutState;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.statefun.sdk.reqreply.generated.FromFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StateAnswersTest {
  private static final byte[] ARGUMENT = {1};

  private int remoteCalls;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'table': 'x/Table', 'arms': 'x/Arms'}",
        "{'pointsman/router': {'table': 'x/Table', 'arms': 'x/Arms'}, 'pointsman/feedback': {'window': 'x/Window'}}"
      })
  void aCallWithoutStateIsToldTheValuesThatAreMissing(String states) throws Exception {
    Calls calls = calls(states);
    assertEquals(List.of("table=x/Table", "arms=x/Arms"), missingIn(calls.call(withoutState(ARGUMENT)).get()));
    assertEquals(List.of("table=x/Table", "arms=x/Arms"), missingIn(calls.call(withoutState(ARGUMENT)).get()));
    assertEquals(0, remoteCalls);
    assertTrue(calls.latencies.isEmpty());
  }

  @Test
  void aCallWithStateGoesToTheFunction() throws Exception {
    calls("{'table': 'x/Table'}").call(withState(ARGUMENT));
    assertEquals(1, remoteCalls);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{'pointsman/other': {'window': 'x/Window'}}"})
  void withNothingDeclaredOnlyTheFirstCallIsAnsweredHere(String states) throws Exception {
    Calls calls = calls(states);
    FromFunction first = calls.call(withoutState(ARGUMENT)).get();
    assertTrue(first.hasIncompleteInvocationContext());
    assertEquals(List.of(), missingIn(first));
    assertFalse(calls.call(withoutState(ARGUMENT)).isDone());
    assertEquals(1, remoteCalls);
  }

  private Calls calls(String states) throws JsonProcessingException {
    return new Calls(
        new StateAnswers(
            new ObjectMapper().readTree(states.replace('\'', '"')),
            (summary, metrics, request) -> {
              remoteCalls++;
              return new CompletableFuture<>();
            }));
  }

  private static List<String> missingIn(FromFunction reply) {
    return reply.getIncompleteInvocationContext().getMissingValuesList().stream()
        .map(value -> value.getStateName() + "=" + value.getTypeTypename())
        .collect(Collectors.toList());
  }
}

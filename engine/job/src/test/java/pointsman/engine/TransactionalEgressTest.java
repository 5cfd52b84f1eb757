package pointsman.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Properties;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransactionalEgressTest {
  private static final String WHOLE =
      "{'id': 'pointsman/once', 'address': 'kafka:9092', 'transactionTimeout': '2 min',"
          + " 'properties': [{'linger.ms': '0'}, {'batch.size': 7}]}";

  private static JsonNode json(String text) throws Exception {
    return new ObjectMapper().readTree(text.replace('\'', '"'));
  }

  @Test
  void handsThePropertiesToTheProducer() throws Exception {
    Properties properties = TransactionalEgress.properties(json(WHOLE));
    assertEquals("kafka:9092", properties.getProperty("bootstrap.servers"));
    assertEquals("120000", properties.getProperty("transaction.timeout.ms"));
    assertEquals("0", properties.getProperty("linger.ms"));
    assertEquals("7", properties.getProperty("batch.size"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"address", "transactionTimeout"})
  void refusesASpecThatLacksAName(String name) throws Exception {
    JsonNode spec = json(WHOLE.replace("'" + name + "'", "'properties'"));
    assertThrows(IllegalArgumentException.class, () -> TransactionalEgress.properties(spec));
  }

  @Test
  void refusesANameThatItDoesNotKnow() throws Exception {
    JsonNode spec = json(WHOLE.replace("{'id'", "{'deliverySemantic': {}, 'id'"));
    Exception refused =
        assertThrows(IllegalArgumentException.class, () -> TransactionalEgress.properties(spec));
    assertTrue(refused.getMessage().contains("deliverySemantic"), refused.getMessage());
  }
}

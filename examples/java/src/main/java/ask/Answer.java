package ask;

import com.google.gson.JsonArray;
import com.google.protobuf.ByteString;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import pointsman.v1.Inference.InferenceResponse;

/** Who decided, and what came out. */
record Answer(
    String id, String version, String arm, long epoch, String decisionId, List<Output> outputs) {

  /** An output as the Open Inference Protocol writes it. */
  record Output(String name, String datatype, List<Long> shape, JsonArray data) {}

  /** Returns what a response says; throws a Failure where it is one, or cannot be shown. */
  static Answer of(InferenceResponse response) throws Failure {
    if (response.hasError()) {
      throw new Failure(response.getError().getCode(), response.getError().getMessage());
    }
    List<Output> outputs = new ArrayList<>();
    for (var tensor : response.getOutputs().getTensorsList()) {
      if (!tensor.getDatatype().equals("FP32") || !tensor.getReference().isEmpty()) {
        String sentence = "output '%s' is not FP32, or not in the answer itself";
        throw new Failure("UNIMPLEMENTED", sentence.formatted(tensor.getName()));
      }
      outputs.add(
          new Output(tensor.getName(), "FP32", tensor.getShapeList(), numbers(tensor.getRaw())));
    }
    return new Answer(
        response.getId(),
        response.getVersion(),
        response.getArm(),
        response.getEpoch(),
        response.getDecisionId(),
        outputs);
  }

  /** The elements of an FP32 tensor; those that JSON has no number for are null. */
  private static JsonArray numbers(ByteString raw) {
    FloatBuffer floats =
        raw.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    JsonArray numbers = new JsonArray(floats.remaining());
    while (floats.hasRemaining()) {
      double value = floats.get();
      numbers.add(Double.isFinite(value) ? value : null);
    }
    return numbers;
  }
}

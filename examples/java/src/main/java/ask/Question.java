package ask;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.Stream;
import pointsman.v1.Inference.InferenceRequest;
import pointsman.v1.Inference.Tensor;
import pointsman.v1.Inference.Tensors;

/** One row for one input of a model. */
record Question(
    String id, String model, String unit, String input, List<Float> values, long timeoutMs) {

  /** The numbers of a text; throws NumberFormatException. */
  static List<Float> values(String text) {
    return Stream.of(text.split(",", -1)).map(Float::valueOf).toList();
  }

  List<Long> shape() {
    return List.of(1L, (long) values.size());
  }

  /** The question as our own gRPC service and the topics take it. */
  InferenceRequest message() {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(raw::putFloat);
    Tensor tensor =
        Tensor.newBuilder()
            .setName(input)
            .setDatatype("FP32")
            .addAllShape(shape())
            .setRaw(ByteString.copyFrom(raw.flip()))
            .build();
    return InferenceRequest.newBuilder()
        .setId(id)
        .setModel(model)
        .setUnit(unit)
        .setTimeoutMs(timeoutMs)
        .setTensors(Tensors.newBuilder().addTensors(tensor))
        .build();
  }
}

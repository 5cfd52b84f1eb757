package pointsman.engine;

import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Label;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.DescriptorValidationException;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import java.util.List;
import java.util.stream.Collectors;

/** Reads {@code pointsman.v1.IngressBatch} with protobuf's own parser; restates ingress.proto by hand. */
final class Batches {
  private static final Descriptor BATCH = batch();

  private Batches() {}

  /** The records of a batch; unknown fields or malformed text fail the test. */
  static List<DynamicMessage> recordsOf(byte[] batch) {
    try {
      DynamicMessage parsed = DynamicMessage.parseFrom(BATCH, batch);
      if (!parsed.getUnknownFields().asMap().isEmpty()) {
        throw new AssertionError("unknown fields in " + parsed);
      }
      return ((List<?>) get(parsed, "records")).stream().map(DynamicMessage.class::cast).collect(Collectors.toList());
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  static Object get(DynamicMessage message, String field) {
    return message.getField(message.getDescriptorForType().findFieldByName(field));
  }

  private static Descriptor batch() {
    DescriptorProto.Builder header =
        message("Header", field(1, "key", Type.TYPE_STRING), field(2, "value", Type.TYPE_BYTES));
    DescriptorProto.Builder ingress =
        message(
            "Ingress",
            field(1, "topic", Type.TYPE_STRING),
            field(2, "partition", Type.TYPE_INT32),
            field(3, "offset", Type.TYPE_INT64),
            field(4, "timestamp_ms", Type.TYPE_INT64),
            repeated(5, "headers", "Header"),
            field(6, "key", Type.TYPE_BYTES),
            field(7, "value", Type.TYPE_BYTES),
            // On the wire an enum is an int32.
            field(8, "format", Type.TYPE_INT32),
            field(9, "null_value", Type.TYPE_BOOL),
            field(10, "model", Type.TYPE_STRING));
    FileDescriptorProto file =
        FileDescriptorProto.newBuilder()
            .setSyntax("proto3")
            .addMessageType(header)
            .addMessageType(ingress)
            .addMessageType(message("IngressBatch", repeated(1, "records", "Ingress")))
            .build();
    try {
      return FileDescriptor.buildFrom(file, new FileDescriptor[0]).findMessageTypeByName("IngressBatch");
    } catch (DescriptorValidationException e) {
      throw new AssertionError(e);
    }
  }

  private static DescriptorProto.Builder message(String name, FieldDescriptorProto.Builder... fields) {
    DescriptorProto.Builder message = DescriptorProto.newBuilder().setName(name);
    for (FieldDescriptorProto.Builder field : fields) {
      message.addField(field);
    }
    return message;
  }

  private static FieldDescriptorProto.Builder field(int number, String name, Type type) {
    return FieldDescriptorProto.newBuilder()
        .setNumber(number)
        .setName(name)
        .setType(type)
        .setLabel(Label.LABEL_OPTIONAL);
  }

  private static FieldDescriptorProto.Builder repeated(int number, String name, String type) {
    return field(number, name, Type.TYPE_MESSAGE).setTypeName(type).setLabel(Label.LABEL_REPEATED);
  }
}

package pointsman.engine;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Writes the protobuf wire format into a growing buffer.
 *
 * <p>Fields that hold their default value are left out, as proto3 does. It stands in for generated
 * code so that our jar is tied to no protobuf release.
 */
final class ProtoWriter {
  private static final int VARINT = 0;
  private static final int LENGTH_DELIMITED = 2;

  private byte[] buffer;
  private int size;

  ProtoWriter(int capacity) {
    buffer = new byte[capacity];
  }

  int size() {
    return size;
  }


  void clear() {
    size = 0;
  }

  byte[] toByteArray() {
    return Arrays.copyOf(buffer, size);
  }

  /** Writes an int32, int64, bool or enum field; negative numbers take ten bytes. */
  void number(int field, long value) {
    if (value != 0) {
      tag(field, VARINT);
      varint(value);
    }
  }

  void string(int field, String value) {
    bytes(field, value.getBytes(StandardCharsets.UTF_8));
  }

  void bytes(int field, byte[] value) {
    if (value.length > 0) {
      element(field, value, value.length);
    }
  }

  /** Writes one element of a repeated message field; an empty message is an element too. */
  void message(int field, ProtoWriter message) {
    element(field, message.buffer, message.size);
  }

  /** How many bytes {@link #message} takes for a message of this size. */
  static int messageSize(int field, int size) {
    return varintSize((long) field << 3) + varintSize(size) + size;
  }

  private void element(int field, byte[] source, int length) {
    tag(field, LENGTH_DELIMITED);
    varint(length);
    reserve(length);
    System.arraycopy(source, 0, buffer, size, length);
    size += length;
  }

  private void tag(int field, int wireType) {
    varint((long) field << 3 | wireType);
  }

  private void varint(long value) {
    reserve(10);
    long rest = value;
    while ((rest & ~0x7FL) != 0) {
      buffer[size++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    buffer[size++] = (byte) rest;
  }

  private static int varintSize(long value) {
    return Math.max(1, (70 - Long.numberOfLeadingZeros(value)) / 7);
  }

  private void reserve(int more) {
    int needed = Math.addExact(size, more);
    if (needed > buffer.length) {
      buffer = Arrays.copyOf(buffer, (int) Math.max(needed, Math.min(2L * buffer.length, Integer.MAX_VALUE - 8)));
    }
  }
}

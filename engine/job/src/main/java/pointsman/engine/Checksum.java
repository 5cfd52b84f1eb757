package pointsman.engine;

import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/**
 * The checksum of a body in a header of its own: CRC-32, eight hexadecimal digits.
 *
 * <p>Neither HTTP nor protobuf carry one, and TCP's ends at each proxy: a flipped bit would be a wrong
 * answer. Our functions check what they are sent and answer with a checksum where they were sent one;
 * others know nothing of it.
 */
final class Checksum {
  static final String HEADER = "pointsman-crc32";

  private Checksum() {}

  static String of(ByteBuffer body) {
    CRC32 crc = new CRC32();
    crc.update(body);
    return String.format("%08x", crc.getValue());
  }
}

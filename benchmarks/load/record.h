/* The records that the generator writes and reads.
 *
 * RAW: 8 bytes of id, then filler; the answer is the same bytes.
 * POINTSMAN: a protobuf InferenceRequest whose id is the 16 hexadecimal digits of the id; the body (the
 * tensors, already encoded) is appended as it is, for the fields of a protobuf message have no order. The
 * answer is an InferenceResponse. */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum form { RAW, POINTSMAN };

typedef struct {
  uint64_t id;
  bool failed;         /* the response carries an error */
  bool refused;        /* and that is RESOURCE_EXHAUSTED: come again later */
  const char *version; /* not terminated; NULL where the form has none */
  size_t version_size;
} answer;

enum { ID = 1, MODEL = 2, VERSION = 3, REPLY_KEY = 7, ERROR = 11 };

static inline size_t put_bytes(uint8_t *out, uint32_t field, const void *bytes, size_t size) {
  out[0] = (uint8_t)(field << 3 | 2);
  out[1] = (uint8_t)size; /* callers pass fewer than 128 bytes: one byte of length */
  memcpy(out + 2, bytes, size);
  return size + 2;
}

static inline void put_hex(char *out, uint64_t id) {
  for (int i = 15; i >= 0; i--, id >>= 4) out[i] = "0123456789abcdef"[id & 15];
}

static inline bool get_hex(const uint8_t *text, size_t size, uint64_t *id) {
  if (size != 16) return false;
  *id = 0;
  for (size_t i = 0; i < size; i++) {
    uint8_t c = text[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    *id = *id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
  }
  return true;
}

static inline bool get_varint(const uint8_t **at, const uint8_t *end, uint64_t *value) {
  *value = 0;
  for (int shift = 0; shift < 64 && *at < end; shift += 7) {
    uint8_t byte = *(*at)++;
    *value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

/* Read id, version and error of an InferenceResponse; false where the bytes are none of ours. */
static inline bool read_response(const uint8_t *at, size_t size, answer *out) {
  const uint8_t *end = at + size;
  bool found = false;
  uint64_t tag, value;
  while (at < end) {
    if (!get_varint(&at, end, &tag)) return false;
    uint32_t field = (uint32_t)(tag >> 3), kind = tag & 7;
    if (kind == 0) {
      if (!get_varint(&at, end, &value)) return false;
    } else if (kind == 2) {
      if (!get_varint(&at, end, &value) || value > (uint64_t)(end - at)) return false;
      if (field == ID) found = get_hex(at, value, &out->id);
      if (field == ERROR) {
        out->failed = true;
        out->refused = value > 19 && !memcmp(at, "\x0a\x12RESOURCE_EXHAUSTED", 20); /* field 1, its code */
      }
      if (field == VERSION) {
        out->version = (const char *)at;
        out->version_size = value;
      }
      at += value;
    } else {
      return false;
    }
  }
  return found;
}

static inline bool read_answer(enum form form, const void *bytes, size_t size, answer *out) {
  memset(out, 0, sizeof *out);
  if (form == POINTSMAN) return read_response(bytes, size, out);
  if (size < sizeof out->id) return false;
  memcpy(&out->id, bytes, sizeof out->id);
  return true;
}

#endif

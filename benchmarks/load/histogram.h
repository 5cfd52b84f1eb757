/* A latency histogram with constant relative error, as in HdrHistogram: every octave of microseconds has
 * 256 buckets, so a percentile is right to 0.4 %. Covers 0 to 2^32 microseconds. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#define SUB_BITS 8
#define SUBS (1u << SUB_BITS)
#define BUCKETS ((32 - SUB_BITS + 1) * SUBS)

typedef struct {
  uint64_t counts[BUCKETS];
  uint64_t total;
  uint64_t max_us;
} histogram;

static inline uint32_t bucket_of(uint64_t us) {
  if (us < SUBS) return (uint32_t)us;
  if (us >> 32) us = UINT32_MAX;
  uint32_t octave = 63u - (uint32_t)__builtin_clzll(us) - SUB_BITS;
  return (octave << SUB_BITS) + (uint32_t)(us >> octave);
}

static inline void histogram_add(histogram *h, uint64_t us) {
  h->counts[bucket_of(us)]++;
  h->total++;
  if (us > h->max_us) h->max_us = us;
}

/* The middle of the bucket that holds the value of rank `share` (0..1), in microseconds. */
static inline double histogram_quantile(const histogram *h, double share) {
  uint64_t rank = (uint64_t)(share * (double)h->total), seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    seen += h->counts[i];
    if (seen <= rank) continue;
    if (i < SUBS) return i;
    uint32_t octave = (i >> SUB_BITS) - 1;
    return ((double)(i - (octave << SUB_BITS)) + 0.5) * (double)(1ull << octave);
  }
  return (double)h->max_us;
}

static inline void histogram_clear(histogram *h) { memset(h, 0, sizeof *h); }

#endif

/* What became of the requests that were due in a span of time: a second, or a phase at one rate. */
#ifndef SPAN_H
#define SPAN_H

#include <stdio.h>

#include "histogram.h"

typedef struct {
  double rate, seconds;
  uint64_t due, unsent, answered, late, refused, failed; /* late: answered after the deadline */
  histogram good, bad; /* latencies of answers and of refusals, from the moment a request was due */
} span;

static inline void span_take(span *s, bool failed, bool refused, uint64_t us, uint64_t deadline_us) {
  if (!failed && us > deadline_us) s->late++;
  else if (!failed) s->answered++;
  else if (refused) s->refused++;
  else s->failed++;
  if (!failed || refused) histogram_add(failed ? &s->bad : &s->good, us);
}

static inline void span_print(const span *s, const char *before) {
  printf("%s{\"rate\": %.0f, \"seconds\": %.1f, \"due\": %llu, \"unsent\": %llu, \"answered\": %llu, ", before, s->rate,
         s->seconds, (unsigned long long)s->due, (unsigned long long)s->unsent, (unsigned long long)s->answered);
  printf("\"late\": %llu, \"refused\": %llu, \"failed\": %llu, ", (unsigned long long)s->late, (unsigned long long)s->refused, (unsigned long long)s->failed);
  printf("\"p50_ms\": %.2f, \"p99_ms\": %.2f, ", histogram_quantile(&s->good, 0.5) / 1e3,
         histogram_quantile(&s->good, 0.99) / 1e3);
  printf("\"refusal_p50_ms\": %.2f, \"refusal_p99_ms\": %.2f, \"refusal_max_ms\": %.2f}",
         histogram_quantile(&s->bad, 0.5) / 1e3, histogram_quantile(&s->bad, 0.99) / 1e3, (double)s->bad.max_us / 1e3);
}

#endif

/* Tells libFuzzer which places of the lane in C were reached: gcc calls this at each of them (-fsanitize-coverage). */

#include <stdint.h>

#define PLACES 65536 /* more than the instructions of the lane, so that hardly two share a counter */

void __sanitizer_cov_8bit_counters_init(uint8_t *first, uint8_t *end);
void __sanitizer_cov_pcs_init(const uintptr_t *first, const uintptr_t *end);

static uint8_t counters[PLACES];
static uintptr_t places[2 * PLACES]; /* an address and flags for each */

__attribute__((visibility("hidden"), no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
    uint8_t *counter = &counters[(uintptr_t)__builtin_return_address(0) % PLACES];
    if (!++*counter) /* it says "reached", also after 256 times */
        *counter = UINT8_MAX;
}

/* Of floating-point numbers, which libFuzzer does not look at. */
__attribute__((visibility("hidden"))) void __sanitizer_cov_trace_cmpd(double left, double right)
{
    (void)left, (void)right;
}

__attribute__((constructor, no_sanitize_coverage)) static void begin(void)
{
    for (uintptr_t at = 0; at < PLACES; at++)
        places[2 * at] = (uintptr_t)counters + at;
    __sanitizer_cov_8bit_counters_init(counters, counters + PLACES);
    __sanitizer_cov_pcs_init(places, places + 2 * PLACES);
}

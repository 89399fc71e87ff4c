/* SPDX-License-Identifier: Apache-2.0 */
/* backoff.c - see backoff.h */
#include "formation/backoff.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

uint64_t backoff_delay_ms(const struct backoff *backoff, unsigned crashes)
{
	size_t last = backoff->count - 1;
	uint64_t delay;

	if (crashes == 0)
		return 0;
	delay = backoff->steps_ms[crashes - 1 < last ? crashes - 1 : last];
	for (size_t step = last + 1; step < crashes && delay > 0 && delay < backoff->cap_ms; step++)
		delay *= 2;
	return delay < backoff->cap_ms ? delay : backoff->cap_ms;
}

int backoff_parse(const char *text, struct backoff *ret, struct dyno_error *err)
{
	uint64_t steps_ms[BACKOFF_STEPS] = { 0 };
	size_t count = 0;

	for (const char *at = text; at; count++) {
		const char *comma = strchr(at, ',');
		int length = (int)(comma ? (size_t)(comma - at) : strlen(at));
		char word[24];

		if (count == BACKOFF_STEPS)
			return error_set(err, -EINVAL, "backoff", "a crash back-off has %d waits at most",
			                 BACKOFF_STEPS);
		if (length >= (int)sizeof(word) || text_format(word, sizeof(word), "%.*s", length, at) < 0 ||
		    units_duration(word, &steps_ms[count]) < 0 || steps_ms[count] > BACKOFF_CAP_MS) {
			error_set(err, -EINVAL, "backoff", "'%.*s' is no wait within 0 and 24h",
			          length < 40 ? length : 40, at);
			error_remedy(err, "give waits separated by commas, as in 0,10s,1m,10m");
			return -EINVAL;
		}
		at = comma ? comma + 1 : NULL;
	}
	memcpy(ret->steps_ms, steps_ms, count * sizeof(*steps_ms));
	ret->count = count;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - see report.h */
#include "cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/message.h"

/**
 * struct track - one of the two processes that make a dyno
 * @label:  as shown
 * @phases: bit for each phase that ends on it
 * @start:  phase with whose end it begins
 */
struct track {
	const char *label;
	unsigned phases;
	enum dyno_phase start;
};

#define BIT(phase) (1U << (phase))

/* The launcher makes user namespaces and network end while the dyno builds its filesystem; what the dyno then still has
 * to wait for is its phase "network". */
static const struct track tracks[] = {
	{ "launcher", BIT(DYNO_PHASE_CLAIMED) | BIT(DYNO_PHASE_CLONED), DYNO_PHASE_REQUESTED },
	{ "dyno",
	  BIT(DYNO_PHASE_SCRATCH) | BIT(DYNO_PHASE_FILESYSTEM) | BIT(DYNO_PHASE_NETWORK) | BIT(DYNO_PHASE_IDENTITY) |
	          BIT(DYNO_PHASE_CONFINED) | BIT(DYNO_PHASE_ATTACHED) | BIT(DYNO_PHASE_EXEC) |
	          BIT(DYNO_PHASE_LISTENING),
	  DYNO_PHASE_CLONED },
};

_Static_assert((BIT(DYNO_PHASE_COUNT) - 1) ==
                       (BIT(DYNO_PHASE_REQUESTED) | BIT(DYNO_PHASE_CLAIMED) | BIT(DYNO_PHASE_CLONED) |
                        BIT(DYNO_PHASE_NETWORK) | BIT(DYNO_PHASE_SCRATCH) | BIT(DYNO_PHASE_FILESYSTEM) |
                        BIT(DYNO_PHASE_IDENTITY) | BIT(DYNO_PHASE_CONFINED) | BIT(DYNO_PHASE_ATTACHED) |
                        BIT(DYNO_PHASE_EXEC) | BIT(DYNO_PHASE_LISTENING)),
               "every phase but the request is on a track");

/** track_of() - the track on which @phase ends */
static const struct track *track_of(enum dyno_phase phase)
{
	return tracks[0].phases & BIT(phase) ? &tracks[0] : &tracks[1];
}

/** phase_ready() - @phase was over when the dyno was asked for: it comes from a pool */
static bool phase_ready(const struct dyno_timeline *timeline, int phase)
{
	return timeline->ns[phase] < timeline->ns[DYNO_PHASE_REQUESTED];
}

/**
 * phase_begin() - when @phase began: at the latest earlier stamp of its track, or where the track starts
 * What follows a request began with it, however long the sandbox was parked.
 */
static uint64_t phase_begin(const struct dyno_timeline *timeline, enum dyno_phase phase)
{
	uint64_t requested = timeline->ns[DYNO_PHASE_REQUESTED];
	const struct track *track = track_of(phase);
	uint64_t begin = timeline->ns[track->start];

	if (begin > timeline->ns[phase])
		begin = 0; /* the request came when this was over; what was before it is not known */
	for (int i = 0; i < DYNO_PHASE_COUNT; i++) {
		uint64_t ns = timeline->ns[i];

		if ((track->phases & BIT(i)) && ns > begin && ns < timeline->ns[phase])
			begin = ns;
	}
	if (begin < requested && !phase_ready(timeline, phase))
		begin = requested;
	return begin != 0 && begin < timeline->ns[phase] ? begin : timeline->ns[phase];
}

/** phase_happened() - @phase is one that took time and was reached */
static bool phase_happened(const struct dyno_timeline *timeline, int phase)
{
	return phase != DYNO_PHASE_REQUESTED && timeline->ns[phase] != 0;
}

/** timeline_text() - a table: when each phase ended since the request, how long it took, and on which track */
static void timeline_text(FILE *out, const char *name, const struct dyno_timeline *timeline)
{
	char end[16], took[16];

	fprintf(out, "boot of %s\n", name);
	for (int i = 0; i < DYNO_PHASE_COUNT; i++) {
		if (!phase_happened(timeline, i))
			continue;
		if (phase_ready(timeline, i))
			(void)text_copy(end, sizeof(end), "ready");
		else
			units_format_ns(timeline->ns[i] - timeline->ns[DYNO_PHASE_REQUESTED], end, sizeof(end));
		units_format_ns(timeline->ns[i] - phase_begin(timeline, (enum dyno_phase)i), took, sizeof(took));
		fprintf(out, "  %-11s at %10s   took %10s   %s\n", dyno_phase_name((enum dyno_phase)i), end, took,
		        track_of((enum dyno_phase)i)->label);
	}
}

/** timeline_json() - one object; at_ns counts from the request, and is negative for what was ready before */
static void timeline_json(FILE *out, const char *name, const struct dyno_timeline *timeline)
{
	const char *separator = "";

	fputs("{\"dyno\":", out);
	text_json(out, name);
	fprintf(out, ",\"requested_monotonic_ns\":%" PRIu64 ",\"phases\":[", timeline->ns[DYNO_PHASE_REQUESTED]);
	for (int i = 0; i < DYNO_PHASE_COUNT; i++) {
		if (!phase_happened(timeline, i))
			continue;
		fprintf(out, "%s{\"phase\":\"%s\",\"track\":\"%s\",\"at_ns\":%" PRId64 ",\"took_ns\":%" PRIu64 "}",
		        separator, dyno_phase_name((enum dyno_phase)i), track_of((enum dyno_phase)i)->label,
		        (int64_t)(timeline->ns[i] - timeline->ns[DYNO_PHASE_REQUESTED]),
		        timeline->ns[i] - phase_begin(timeline, (enum dyno_phase)i));
		separator = ",";
	}
	fputs("]}\n", out);
}

/** timeline_chrome() - trace events: complete events ("X") in microseconds, one thread a track */
static void timeline_chrome(FILE *out, const char *name, const struct dyno_timeline *timeline)
{
	uint64_t zero = timeline->ns[DYNO_PHASE_REQUESTED];

	for (int i = 0; i < DYNO_PHASE_COUNT; i++)
		if (phase_happened(timeline, i) && timeline->ns[i] < zero)
			zero = timeline->ns[i];
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{"
	      "\"name\":",
	      out);
	text_json(out, name);
	fputs("}}", out);
	for (size_t i = 0; i < sizeof(tracks) / sizeof(tracks[0]); i++)
		fprintf(out,
		        ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%zu,\"name\":\"thread_name\",\"args\":{\"name\":\"%s\"}}",
		        i + 1, tracks[i].label);
	for (int i = 0; i < DYNO_PHASE_COUNT; i++) {
		uint64_t begin;

		if (!phase_happened(timeline, i))
			continue;
		begin = phase_begin(timeline, (enum dyno_phase)i);
		fprintf(out,
		        ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%td,\"cat\":\"boot\",\"name\":\"%s\",\"ts\":%.3f,\"dur\":%.3f}",
		        track_of((enum dyno_phase)i) - tracks + 1, dyno_phase_name((enum dyno_phase)i),
		        (double)(begin - zero) / 1e3, (double)(timeline->ns[i] - begin) / 1e3);
	}
	fprintf(out, ",\n{\"ph\":\"i\",\"pid\":1,\"tid\":1,\"s\":\"p\",\"name\":\"requested\",\"ts\":%.3f}",
	        (double)(timeline->ns[DYNO_PHASE_REQUESTED] - zero) / 1e3);
	fputs("\n]}\n", out);
}

void report_timeline_print(FILE *out, enum report_format format, const char *name, const struct dyno_timeline *timeline)
{
	switch (format) {
	case REPORT_NONE: break;
	case REPORT_TEXT: timeline_text(out, name, timeline); break;
	case REPORT_JSON: timeline_json(out, name, timeline); break;
	case REPORT_CHROME: timeline_chrome(out, name, timeline); break;
	}
}

int report_timeline(enum report_format format, const char *name, const struct dyno_timeline *timeline, const char *path,
                    struct dyno_error *err)
{
	_cleanup_close_ int file = -1;
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int code;

	if (!out)
		return error_set(err, -errno, "timeline", "cannot print the timeline:");
	report_timeline_print(out, format, name, timeline);
	if (fclose(out) != 0)
		return error_set(err, -errno, "timeline", "cannot print the timeline:");
	if (path) {
		file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
		if (file < 0)
			return error_set(err, -errno, "timeline", "cannot write %s:", path);
	}
	code = fd_write_all(file < 0 ? STDERR_FILENO : file, text, length);
	return code < 0 ? error_set(err, code, "timeline", "cannot write %s:", path ? path : "the timeline") : 0;
}

/** report_place() - say that the app is reached at @place, unless that is the same as @before for IPv6 clients */
static void report_place(const char *place, const char *before)
{
	if (place[0] == '/')
		message_line("unix:%s", place);
	else if (!before || !text_starts(before, "127.0.0.1:") || !text_starts(place, "[::1]:") ||
	         strcmp(strrchr(before, ':'), strrchr(place, ':')) != 0)
		message_line("http://%s", place);
}

void report_places(const char *const *places, const char *address, uint16_t port)
{
	for (size_t i = 0; places[i]; i++)
		report_place(places[i], i > 0 ? places[i - 1] : NULL);
	if (!places[0] && port != 0 && address[0])
		message_line("http://%s:%u", address, (unsigned)port);
}

/** plural() - "s" unless @count is 1 */
static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

int report_discarded_line(const struct dyno_discarded *discarded, const char *kept, char *buf, size_t size)
{
	const char *verb = kept ? "kept" : "discarded";
	char bytes[16];

	if (discarded->files == 0 && discarded->deleted == 0)
		return 0;
	units_format_size(discarded->bytes, bytes, sizeof(bytes));
	buf[0] = '\0';
	if (discarded->files > 0)
		(void)text_append(buf, size, "%s %" PRIu64 " file%s, %s", verb, discarded->files,
		                  plural(discarded->files), bytes);
	if (discarded->files > 0 && discarded->largest[0])
		(void)text_append(buf, size, " (largest %s)", discarded->largest);
	if (discarded->deleted > 0)
		(void)text_append(buf, size, "%s%s%" PRIu64 " deletion%s", discarded->files > 0 ? "" : verb,
		                  discarded->files > 0 ? ", " : " ", discarded->deleted, plural(discarded->deleted));
	if (kept)
		(void)text_append(buf, size, " in %s", kept);
	return (int)strlen(buf);
}

/** discarded_path() - print one path of --diff */
static void discarded_path(void *data, char what, const char *path, uint64_t bytes)
{
	char text[16];

	(void)data;
	if (what == 'D' || bytes == 0)
		message_line("%c %s", what, path);
	else
		message_line("%c %s (%s)", what, path, units_format_size(bytes, text, sizeof(text)));
}

int report_discarded(struct dyno *dyno, bool diff, const char *kept, struct dyno_error *err)
{
	struct dyno_discarded discarded = { 0 };
	char line[1024];
	int code = dyno_discarded(dyno, &discarded, diff ? discarded_path : NULL, NULL, err);

	if (code < 0)
		return code;
	if (report_discarded_line(&discarded, kept, line, sizeof(line)) != 0)
		message_line("%s", line);
	return 0;
}

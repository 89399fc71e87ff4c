/* SPDX-License-Identifier: Apache-2.0 */
/* curl.c - see curl.h */
#include "formation/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

/* The name is that of the interface, which has been the same since 2006. Debian has it with GnuTLS under the second. */
static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };

#define FUNCTION(word)                                                                                                 \
	{                                                                                                              \
		"curl_" #word, offsetof(struct curl, word)                                                             \
	}

/** functions - where each one goes */
static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	FUNCTION(global_init),      FUNCTION(easy_init),           FUNCTION(easy_cleanup),
	FUNCTION(easy_getinfo),     FUNCTION(easy_strerror),       FUNCTION(easy_setopt),
	FUNCTION(slist_append),     FUNCTION(slist_free_all),      FUNCTION(multi_init),
	FUNCTION(multi_cleanup),    FUNCTION(multi_setopt),        FUNCTION(multi_assign),
	FUNCTION(multi_add_handle), FUNCTION(multi_remove_handle), FUNCTION(multi_socket_action),
	FUNCTION(multi_info_read),  FUNCTION(multi_perform),       FUNCTION(multi_poll),
};

int curl_load(struct curl *ret, struct dyno_error *err)
{
	void *library = NULL;
	struct curl curl;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		void *function = library ? dlsym(library, functions[i].name) : NULL;

		if (!function) {
			error_set(err, -ENOENT, "drain", "an HTTPS drain needs libcurl, which is not there");
			error_remedy(err, library ? "a newer one: 7.66 or later"
			                          : "install libcurl4 (Debian), libcurl (Fedora, Alpine)");
			return -ENOENT;
		}
		memcpy((char *)&curl + functions[i].offset, &function, sizeof(function));
	}
	if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, -ENOMEM, "drain", "libcurl cannot be used");
	*ret = curl;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/**
 * curl.h - libcurl, loaded when the first HTTPS drain is opened
 *
 * Linked in, it and the 30 libraries that it brings would cost each start of the second program 3 ms, three times what that
 * takes without, for `dyno run:app` and `dyno config` as well.
 */
#ifndef FORMATION_CURL_H
#define FORMATION_CURL_H

#include <curl/curl.h>

#include "dyno.h"

/** struct curl - the functions that are used, called as libcurl calls them */
struct curl {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_getinfo) *easy_getinfo;
	__typeof__(curl_easy_strerror) *easy_strerror;
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
	__typeof__(curl_multi_init) *multi_init;
	__typeof__(curl_multi_cleanup) *multi_cleanup;
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	__typeof__(curl_multi_assign) *multi_assign;
	__typeof__(curl_multi_add_handle) *multi_add_handle;
	__typeof__(curl_multi_remove_handle) *multi_remove_handle;
	__typeof__(curl_multi_socket_action) *multi_socket_action;
	__typeof__(curl_multi_info_read) *multi_info_read;
	__typeof__(curl_multi_perform) *multi_perform;
	__typeof__(curl_multi_poll) *multi_poll;
};

/** curl_load() - find them all; the library stays. Return: 0, or -ENOENT when this machine has no libcurl */
int curl_load(struct curl *ret, struct dyno_error *err);

#endif /* FORMATION_CURL_H */

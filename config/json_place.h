/* SPDX-License-Identifier: Apache-2.0 */
/* json_place.h - in which line of a JSON text a key stands; the library keeps no places */
#ifndef CONFIG_JSON_PLACE_H
#define CONFIG_JSON_PLACE_H

#include <stddef.h>

/**
 * json_place() - the line of a key, or of the nearest one above it that can be found
 * @text, @size: a JSON text that was found valid
 * @path: keys from the outermost object inwards, ended by NULL
 * Return: line, from 1. A key that is written with escapes is not found.
 */
unsigned long json_place(const char *text, size_t size, const char *const *path);

#endif /* CONFIG_JSON_PLACE_H */

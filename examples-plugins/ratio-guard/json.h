/* A reader of JSON that walks a text once and keeps nothing: the caller says what it wants while it passes by. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    const char *at;
    const char *end;
    /* Why it stopped; NULL as long as all is well. Everything answers false or 0 from then on. */
    const char *error;
};

/* Skips white space and takes the character if it is the next one. */
bool json_take(struct json *json, char wanted);

/* The character that comes next, 0 at the end. */
char json_peek(struct json *json);

/* Begins with `{` or `[`: true if there is a member or an element. Afterwards json_more says whether another comes. */
bool json_enter(struct json *json, char open);
bool json_more(struct json *json, char close);

/* A member's name, with the colon. False when it is longer than the buffer: then it is no name that we know. */
bool json_name(struct json *json, char *buffer, size_t size);

/* A string. Escapes of characters beyond ASCII become `?`: nothing that we compare with has them. */
bool json_text(struct json *json, char *buffer, size_t size);

/* A whole number that is not negative, without point or exponent. */
uint64_t json_whole(struct json *json);

/* Any value, whatever it is. */
void json_skip(struct json *json);

/* Nothing but white space is left. */
void json_end(struct json *json);

/* Stops with an error, unless there is one already. */
void json_fail(struct json *json, const char *error);

#endif

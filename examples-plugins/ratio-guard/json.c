#include "json.h"

#include <string.h>

/* Values within values that are skipped at most. */
#define DEEPEST 64

void json_fail(struct json *json, const char *error) {
    if (json->error == NULL) {
        json->error = error;
    }
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

char json_peek(struct json *json) {
    while (json->at < json->end && is_space(*json->at)) {
        json->at++;
    }
    return json->error == NULL && json->at < json->end ? *json->at : '\0';
}

bool json_take(struct json *json, char wanted) {
    if (json_peek(json) != wanted || wanted == '\0') {
        return false;
    }
    json->at++;
    return true;
}

bool json_enter(struct json *json, char open) {
    if (!json_take(json, open)) {
        json_fail(json, open == '{' ? "an object is missing" : "an array is missing");
        return false;
    }
    return !json_take(json, open == '{' ? '}' : ']');
}

bool json_more(struct json *json, char close) {
    if (json_take(json, ',')) {
        return true;
    }
    if (!json_take(json, close)) {
        json_fail(json, "a comma or a closing bracket is missing");
    }
    return false;
}

/* The four digits of `\uXXXX`; the cursor is behind the `u`. */
static char unicode(struct json *json) {
    unsigned code = 0;
    for (int digit = 0; digit < 4; digit++) {
        char c = json->at < json->end ? *json->at++ : '\0';
        unsigned value = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (value == 16) {
            json_fail(json, "an escape is malformed");
            return '?';
        }
        code = code * 16 + value;
    }
    return code > 0 && code < 128 ? (char)code : '?';
}

static char escaped(struct json *json) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    char name = json->at < json->end ? *json->at++ : '\0';
    if (name == 'u') {
        return unicode(json);
    }
    const char *found = name == '\0' ? NULL : strchr(names, name);
    if (found == NULL) {
        json_fail(json, "an escape is malformed");
        return '?';
    }
    return values[found - names];
}

bool json_text(struct json *json, char *buffer, size_t size) {
    size_t length = 0;
    if (!json_take(json, '"')) {
        json_fail(json, "a string is missing");
    }
    while (json->error == NULL) {
        if (json->at == json->end) {
            json_fail(json, "a string does not end");
            break;
        }
        char c = *json->at++;
        if (c == '"') {
            break;
        }
        if ((unsigned char)c < ' ') {
            json_fail(json, "a string has a control character");
        }
        c = c == '\\' ? escaped(json) : c;
        if (length < size) {
            buffer[length] = c;
        }
        length++;
    }
    bool fits = json->error == NULL && length < size;
    if (size > 0) {
        buffer[fits ? length : 0] = '\0';
    }
    return fits;
}

bool json_name(struct json *json, char *buffer, size_t size) {
    bool fits = json_text(json, buffer, size);
    if (!json_take(json, ':')) {
        json_fail(json, "a colon is missing");
    }
    return fits && json->error == NULL;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

uint64_t json_whole(struct json *json) {
    uint64_t number = 0;
    if (!is_digit(json_peek(json))) {
        json_fail(json, "a whole number is missing");
        return 0;
    }
    while (json->at < json->end && is_digit(*json->at)) {
        uint64_t digit = (uint64_t)(*json->at++ - '0');
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, digit, &number)) {
            json_fail(json, "a number is too large");
        }
    }
    if (json->at < json->end && strchr(".eE", *json->at) != NULL && *json->at != '\0') {
        json_fail(json, "a number is not whole");
    }
    return json->error == NULL ? number : 0;
}

/* A number, `true`, `false` or `null`: that it is one of them is all that matters here. */
static void skip_word(struct json *json) {
    const char *start = json->at;
    while (json->at < json->end && strchr(",]}", *json->at) == NULL && !is_space(*json->at)) {
        json->at++;
    }
    if (json->at == start) {
        json_fail(json, "a value is missing");
    }
}

static void skip(struct json *json, int depth) {
    char kind = json_peek(json);
    if (depth == 0) {
        json_fail(json, "values are nested too deep");
    } else if (kind == '"') {
        json_text(json, NULL, 0);
    } else if (kind == '{' || kind == '[') {
        char close = kind == '{' ? '}' : ']';
        for (bool more = json_enter(json, kind); more; more = json_more(json, close)) {
            if (kind == '{') {
                json_name(json, NULL, 0);
            }
            skip(json, depth - 1);
        }
    } else {
        skip_word(json);
    }
}

void json_skip(struct json *json) {
    skip(json, DEEPEST);
}

void json_end(struct json *json) {
    if (json_peek(json) != '\0' || json->at < json->end) {
        json_fail(json, "something follows the request");
    }
}

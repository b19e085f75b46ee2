#include "base/xml.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

typedef struct XmlParser {
    const char *at, *end;
    char path[XML_PATH_BYTES];
    size_t starts[XML_MAX_DEPTH]; /* length of the path before each open element */
    int depth;
    char text[XML_TEXT_BYTES];
    size_t text_bytes;
    int has_children;
    XmlElement element;
    void *ctx;
} XmlParser;

static int starts_with(const XmlParser *x, const char *what)
{
    size_t bytes = strlen(what);
    return (size_t)(x->end - x->at) >= bytes && memcmp(x->at, what, bytes) == 0;
}

/* Goes behind the next `what`. */
static int skip_behind(XmlParser *x, const char *what)
{
    for (; x->at < x->end; x->at++) {
        if (starts_with(x, what)) {
            x->at += strlen(what);
            return 1;
        }
    }
    return 0;
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':' || (c & 0x80);
}

static void skip_spaces(XmlParser *x)
{
    while (x->at < x->end && is_space(*x->at))
        x->at++;
}

/* Local part of a name, borrowed. */
static int take_name(XmlParser *x, const char **name, size_t *bytes)
{
    const char *start = x->at;
    while (x->at < x->end && is_name(*x->at))
        x->at++;
    *name = start;
    for (const char *p = start; p < x->at; p++)
        if (*p == ':')
            *name = p + 1;
    *bytes = (size_t)(x->at - *name);
    return *bytes > 0 && *start != '-' && *start != '.' && !(*start >= '0' && *start <= '9');
}

static int add_text(XmlParser *x, const char *data, size_t bytes)
{
    if (x->depth == 0 || x->text_bytes + bytes >= sizeof x->text)
        return 0;
    memcpy(x->text + x->text_bytes, data, bytes);
    x->text_bytes += bytes;
    return 1;
}

static int add_code(XmlParser *x, uint32_t code)
{
    char utf8[4];
    size_t bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    if (bytes == 1) {
        utf8[0] = (char)code;
        return add_text(x, utf8, 1);
    }
    for (size_t i = bytes - 1; i > 0; i--, code >>= 6)
        utf8[i] = (char)(0x80 | (code & 0x3F));
    utf8[0] = (char)((0xF00 >> bytes & 0xFF) | code);
    return add_text(x, utf8, bytes);
}

static int take_number(XmlParser *x, uint32_t *code)
{
    unsigned base = 10;
    int digits = 0;
    x->at += 2;
    if (x->at < x->end && *x->at == 'x') {
        base = 16;
        x->at++;
    }
    for (*code = 0; x->at < x->end && *x->at != ';'; x->at++, digits++) {
        char c = (char)(*x->at | 0x20);
        unsigned digit = *x->at >= '0' && *x->at <= '9' ? (unsigned)(*x->at - '0')
                         : c >= 'a' && c <= 'f'         ? (unsigned)(c - 'a' + 10)
                                                        : 99;
        if (digit >= base || digits > 7)
            return 0;
        *code = *code * base + digit;
    }
    return digits > 0 && x->at++ < x->end;
}

static int take_entity(XmlParser *x)
{
    static const char names[][8] = {"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"};
    static const char values[] = "<>&\"'";
    uint32_t code = 0;
    if (starts_with(x, "&#"))
        return take_number(x, &code) && add_code(x, code);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (starts_with(x, names[i])) {
            x->at += strlen(names[i]);
            return add_text(x, &values[i], 1);
        }
    }
    return 0;
}

static int close_element(XmlParser *x)
{
    x->text[x->has_children ? 0 : x->text_bytes] = 0;
    int result = x->element(x->ctx, x->path, x->text);
    x->depth--;
    x->path[x->starts[x->depth]] = 0;
    x->has_children = 1;
    x->text_bytes = 0;
    return result;
}

static int skip_attributes(XmlParser *x)
{
    const char *name;
    size_t bytes;
    for (;;) {
        const char *before = x->at;
        skip_spaces(x);
        if (x->at == x->end)
            return 0;
        if (*x->at == '>' || *x->at == '/')
            return 1;
        if (before == x->at || !take_name(x, &name, &bytes))
            return 0;
        skip_spaces(x);
        if (x->at == x->end || *x->at++ != '=')
            return 0;
        skip_spaces(x);
        if (x->at == x->end || (*x->at != '"' && *x->at != '\''))
            return 0;
        char quote[2] = {*x->at++, 0};
        if (!skip_behind(x, quote))
            return 0;
    }
}

/* Returns 0, -1 or what the callback said. */
static int open_element(XmlParser *x)
{
    const char *name;
    size_t bytes;
    size_t used = strlen(x->path);
    x->at++;
    if (x->depth == XML_MAX_DEPTH || !take_name(x, &name, &bytes) ||
        used + bytes + 2 > sizeof x->path)
        return -1;
    x->starts[x->depth++] = used;
    if (used > 0)
        x->path[used++] = '/';
    memcpy(x->path + used, name, bytes);
    x->path[used + bytes] = 0;
    x->has_children = 0;
    x->text_bytes = 0;
    if (!skip_attributes(x))
        return -1;
    if (*x->at++ == '>')
        return 0;
    return x->at < x->end && *x->at++ == '>' ? close_element(x) : -1;
}

static int end_element(XmlParser *x)
{
    const char *name;
    size_t bytes;
    x->at += 2;
    if (x->depth == 0 || !take_name(x, &name, &bytes))
        return -1;
    size_t start = x->starts[x->depth - 1];
    const char *open = x->path + start + (start > 0);
    skip_spaces(x);
    if (strlen(open) != bytes || memcmp(open, name, bytes) != 0 || x->at == x->end ||
        *x->at++ != '>')
        return -1;
    return close_element(x);
}

static int take_text(XmlParser *x)
{
    if (starts_with(x, "<![CDATA[")) {
        const char *start = x->at + 9;
        return skip_behind(x, "]]>") && x->at - 3 >= start &&
                       add_text(x, start, (size_t)(x->at - 3 - start))
                   ? 0
                   : -1;
    }
    if (*x->at == '<') /* <!DOCTYPE and its like */
        return -1;
    if (*x->at == '&')
        return x->depth > 0 && take_entity(x) ? 0 : -1;
    if (x->depth == 0 || x->has_children) {
        if (!is_space(*x->at))
            return -1;
        x->at++;
        return 0;
    }
    return add_text(x, x->at++, 1) ? 0 : -1;
}

int xml_parse(const char *text, size_t bytes, XmlElement element, void *ctx)
{
    XmlParser x = {.at = text, .end = text + bytes, .element = element, .ctx = ctx};
    int roots = 0;
    if (!text_is_utf8(text, bytes) || memchr(text, 0, bytes))
        return -1;
    if (starts_with(&x, "\xEF\xBB\xBF"))
        x.at += 3;
    while (x.at < x.end) {
        int result = 0;
        if (starts_with(&x, "<?"))
            result = skip_behind(&x, "?>") ? 0 : -1;
        else if (starts_with(&x, "<!--"))
            result = skip_behind(&x, "-->") ? 0 : -1;
        else if (starts_with(&x, "</"))
            result = end_element(&x);
        else if (*x.at == '<' && !starts_with(&x, "<!"))
            result = x.depth == 0 && roots++ > 0 ? -1 : open_element(&x);
        else
            result = take_text(&x);
        if (result != 0)
            return result;
    }
    return roots == 1 && x.depth == 0 ? 0 : -1;
}

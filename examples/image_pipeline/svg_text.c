/* SPDX-License-Identifier: MIT */

/* Text for SVG: valid UTF-8 passes, what means something to XML is escaped, and bytes that XML
 * may not hold become question marks. */

#include "svg_text.h"

#include <stdbool.h>
#include <stdint.h>

/* Length of the UTF-8 character at the beginning of text, or 0 if it isn't one XML may hold. */
static size_t character_length(const unsigned char *text)
{
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f;
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    uint32_t value = text[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3fu);
    }
    uint32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
    bool is_noncharacter = value == 0xfffe || value == 0xffff;
    return value < least || value > 0x10ffff || is_surrogate || is_noncharacter ? 0 : length;
}

void svg_text_write(FILE *stream, const char *text, size_t limit)
{
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0; *at != '\0'; i++) {
        if (i == limit) {
            fputs("…", stream);
            return;
        }
        size_t length = character_length(at);
        if (*at == '<')
            fputs("&lt;", stream);
        else if (*at == '>')
            fputs("&gt;", stream);
        else if (*at == '&')
            fputs("&amp;", stream);
        else if (*at == '"')
            fputs("&quot;", stream);
        else if (length == 0)
            fputc('?', stream);
        else
            fwrite(at, 1, length, stream);
        at += length == 0 ? 1 : length;
    }
}

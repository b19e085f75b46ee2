/* Texts and names of the engine's status codes. */
#include "keeptake/status.h"

const char *kt_status_text(int status)
{
    switch (status) {
#define KT_STATUS_CASE(name, value, field, text)                                                   \
    case value:                                                                                    \
        return text;
        KT_STATUS_MAP(KT_STATUS_CASE)
#undef KT_STATUS_CASE
    default:
        return "unknown status";
    }
}

const char *kt_status_name(int status)
{
    switch (status) {
#define KT_STATUS_CASE(name, value, field, text)                                                   \
    case value:                                                                                    \
        return field;
        KT_STATUS_MAP(KT_STATUS_CASE)
#undef KT_STATUS_CASE
    default:
        return "unknown";
    }
}

/* Texts and names of the engine's status codes. */
#include "keeptake/status.h"

const char *kt_status_text(int status)
{
    switch (status) {
#define KT_STATUS_CASE(name, value, text)                                                          \
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
    case KT_OK:
        return "ok";
    case KT_AGAIN:
        return "again";
    case KT_END:
        return "end";
    case KT_ERR_ARG:
        return "err-arg";
    case KT_ERR_ORDER:
        return "err-order";
    case KT_ERR_STATE:
        return "err-state";
    case KT_ERR_MEMORY:
        return "err-memory";
    case KT_ERR_SPACE:
        return "err-space";
    case KT_ERR_LIMIT:
        return "err-limit";
    case KT_ERR_FORMAT:
        return "err-format";
    case KT_ERR_UNSUPPORTED:
        return "err-unsupported";
    case KT_ERR_NOT_FOUND:
        return "err-not-found";
    case KT_ERR_CODEC:
        return "err-codec";
    case KT_ERR_NETWORK:
        return "err-network";
    case KT_ERR_REFUSED:
        return "err-refused";
    case KT_ERR_STORAGE:
        return "err-storage";
    default:
        return "unknown";
    }
}
